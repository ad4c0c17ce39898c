// pvboot inspect: container, compression, notes and segments of a kernel file, and whether it can be booted.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/host_file.hpp"
#include "tools/pvboot/kernel.hpp"
#include "tools/pvboot/output.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <xen/elfnote.h>

namespace pvboot::tools {

namespace {

using image::KernelInfo;

std::string features_text(const image::Features& features) {
  std::string out;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((features.supported >> bit & 1) == 0 && !features.requires_bit(bit))
      continue;
    const std::string_view known = image::feature_name(bit);
    out += out.empty() ? "" : " ";
    out += features.requires_bit(bit) ? "!" : "";
    out += known.empty() ? "bit" + dec(bit) : std::string(known);
  }
  return out;
}

std::string flags_text(std::uint32_t flags) {
  return {(flags & 4) != 0 ? 'R' : '-', (flags & 2) != 0 ? 'W' : '-', (flags & 1) != 0 ? 'X' : '-'};
}

using Row = std::pair<std::string, std::string>;

/// A note that nothing here depends on.
std::string other_value(const image::Note& note) {
  if (note.type == XEN_ELFNOTE_PAE_MODE)
    return printable(image::note_string(note.desc));
  return note.desc_size <= sizeof(std::uint64_t) ? hex(image::note_number(note.desc)) : dec(note.desc_size) + " bytes";
}

std::vector<Row> note_rows(const KernelInfo& info) {
  std::vector<Row> rows;
  const image::XenNotes& notes = info.notes;
  auto text = [&](const char* name, const std::string& value) {
    if (!value.empty())
      rows.emplace_back(name, printable(value));
  };
  text("GUEST_OS", notes.guest_os);
  text("GUEST_VERSION", notes.guest_version);
  text("XEN_VERSION", notes.xen_version);
  text("LOADER", notes.loader);
  const auto address = [&](const char* name, std::uint64_t value, bool given) {
    rows.emplace_back(name, hex(value) + (given ? "" : " (default)"));
  };
  address("ENTRY", info.entry.value, notes.entry.has_value());
  address("VIRT_BASE", info.virt_base.value, notes.virt_base.has_value());
  address("PADDR_OFFSET", info.paddr_offset, notes.paddr_offset.has_value());
  if (info.hypercall_page)
    rows.emplace_back("HYPERCALL_PAGE", hex(info.hypercall_page->value));
  if (notes.init_p2m)
    rows.emplace_back("INIT_P2M", hex(notes.init_p2m->value) +
                                      (info.init_p2m ? "" : " (not used: it is not page-aligned and below VIRT_BASE)"));
  rows.emplace_back("MOD_START_PFN", info.mod_start_pfn ? "yes" : "no");
  rows.emplace_back("BSD_SYMTAB", notes.bsd_symtab ? "yes" : "no");
  if (notes.phys32_entry)
    rows.emplace_back("PHYS32_ENTRY", hex(*notes.phys32_entry));
  text("FEATURES", features_text(notes.features));
  text("__xen_guest", notes.guest_section);
  for (const image::Note& note : notes.all) {
    std::string name(image::note_name(note.type));
    if (name.empty())
      name = "note " + dec(note.type);
    // Only what has no row of its own yet; FEATURES shows both notes of features.
    if (note.type != XEN_ELFNOTE_SUPPORTED_FEATURES && std::ranges::find(rows, name, &Row::first) == rows.end())
      rows.emplace_back(name, other_value(note));
  }
  return rows;
}

const char* source_name(image::NoteSource source) {
  switch (source) {
  case image::NoteSource::program_header: return "a PT_NOTE segment";
  case image::NoteSource::section: return "an SHT_NOTE section";
  case image::NoteSource::guest_section: return "the __xen_guest section";
  case image::NoteSource::none: break;
  }
  return "nowhere: the file has no Xen notes";
}

void print_head(const image::ImageHead& head) {
  print_out("container     {}\n", image::describe(head));
  if (!head.setup.version.empty())
    print_out("version       {}\n", printable(head.setup.version));
  print_out("file          {} ({})\n", head.file_size, human_size(head.file_size));
}

void print_info(const KernelInfo& info) {
  print_out("kernel        {} to {}\n", hex(info.kernel_start.value), hex(info.kernel_end.value));
  print_out("notes         from {}\n", source_name(info.notes.source));
  for (const auto& [name, value] : note_rows(info))
    print_out("  {:<16} {}\n", name, value);
  print_out("segments      {:>10} {:>10} {:>10} {:>10} {:>10}\n", "offset", "paddr", "filesize", "memsize", "flags");
  for (const image::LoadSegment& load : info.loads)
    print_out("              {:>10} {:>10} {:>10} {:>10} {:>10}\n", hex(load.file_offset), hex(load.paddr),
              hex(load.file_size), hex(load.memory_size), flags_text(load.flags));
  if (info.bsd_symbols)
    print_out("symbols       {} from {}\n", human_size(info.bsd_symbols->size), hex(info.bsd_symbols->start.value));
}

void print_text(const Inspection& kernel) {
  if (kernel.head)
    print_head(*kernel.head);
  if (kernel.info) {
    print_out("uncompressed  {} ({})\n", kernel.content_size, human_size(kernel.content_size));
    print_info(*kernel.info);
  }
  print_out("bootable      {}\n", kernel.verdict ? "yes, as a Xen PV guest" : "no");
}

void add_head(nlohmann::json& out, const image::ImageHead& head) {
  out["container"] = head.container == image::Container::bzimage ? "bzImage" : "ELF";
  out["compression"] = head.codec ? nlohmann::json(name(*head.codec)) : nlohmann::json(nullptr);
  out["version"] = head.setup.version;
  out["file_size"] = head.file_size;
}

void add_info(nlohmann::json& out, const KernelInfo& info) {
  nlohmann::json notes = nlohmann::json::object();
  for (const auto& [name, value] : note_rows(info))
    notes[name] = value;
  nlohmann::json segments = nlohmann::json::array();
  for (const image::LoadSegment& load : info.loads)
    segments.push_back({{"offset", load.file_offset},
                        {"paddr", load.paddr},
                        {"filesize", load.file_size},
                        {"memsize", load.memory_size},
                        {"flags", flags_text(load.flags)}});
  out["kernel_start"] = info.kernel_start.value;
  out["kernel_end"] = info.kernel_end.value;
  out["notes"] = std::move(notes);
  out["segments"] = std::move(segments);
}

/// What is not known has no key.
void print_json(const Inspection& kernel) {
  nlohmann::json out = {{"bootable", kernel.verdict.has_value()},
                        {"reason", kernel.verdict ? "" : kernel.verdict.error().text()}};
  if (kernel.head)
    add_head(out, *kernel.head);
  if (kernel.info) {
    out["uncompressed_size"] = kernel.content_size;
    add_info(out, *kernel.info);
  }
  write_json(out);
}

} // namespace

Result<void> inspect_kernel(const Arguments& arguments) {
  const auto file = TRY(open_host_file(arguments.kernel));
  const Inspection kernel = inspect(*file);
  arguments.json ? print_json(kernel) : print_text(kernel);
  if (!kernel.verdict)
    return std::unexpected(Error(kernel.verdict.error()).at(arguments.kernel));
  return {};
}

} // namespace pvboot::tools
