// pvboot inspect: container, compression, notes and segments of a kernel file, and whether it can be booted.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/host_file.hpp"
#include "tools/pvboot/kernel.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

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

std::vector<Row> note_rows(const KernelInfo& info) {
  std::vector<Row> rows;
  const image::XenNotes& notes = info.notes;
  auto text = [&](const char* name, const std::string& value) {
    if (!value.empty())
      rows.emplace_back(name, printable(value));
  };
  auto number = [&](const char* name, const auto& value) {
    if (value)
      rows.emplace_back(name, hex(value->value));
  };
  text("GUEST_OS", notes.guest_os);
  text("GUEST_VERSION", notes.guest_version);
  text("XEN_VERSION", notes.xen_version);
  text("LOADER", notes.loader);
  rows.emplace_back("ENTRY", hex(info.entry.value));
  rows.emplace_back("VIRT_BASE", hex(info.virt_base.value));
  rows.emplace_back("PADDR_OFFSET", hex(info.paddr_offset));
  number("HYPERCALL_PAGE", info.hypercall_page);
  number("INIT_P2M", info.init_p2m);
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
    // Only what has no row of its own yet.
    if (std::ranges::find(rows, name, &Row::first) != rows.end())
      continue;
    const bool number_like = note.desc_size <= sizeof(std::uint64_t);
    rows.emplace_back(name, number_like ? hex(image::note_number(note.desc)) : dec(note.desc_size) + " bytes");
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

void print_text(const Kernel& kernel, const Result<void>& verdict) {
  const KernelInfo& info = kernel.info;
  fmt::print("container     {}\n", image::describe(kernel.head));
  if (!kernel.head.setup.version.empty())
    fmt::print("version       {}\n", printable(kernel.head.setup.version));
  fmt::print("file          {} ({})\n", kernel.head.file_size, human_size(kernel.head.file_size));
  fmt::print("uncompressed  {} ({})\n", kernel.content_size, human_size(kernel.content_size));
  fmt::print("kernel        {} to {}\n", hex(info.kernel_start.value), hex(info.kernel_end.value));
  fmt::print("notes         from {}\n", source_name(info.notes.source));
  for (const auto& [name, value] : note_rows(info))
    fmt::print("  {:<14} {}\n", name, value);
  fmt::print("segments      {:>10} {:>10} {:>10} {:>10} {:>10}\n", "offset", "paddr", "filesize", "memsize", "flags");
  for (const image::LoadSegment& load : info.loads)
    fmt::print("              {:>10} {:>10} {:>10} {:>10} {:>10}\n", hex(load.file_offset), hex(load.paddr),
               hex(load.file_size), hex(load.memory_size), flags_text(load.flags));
  fmt::print("bootable      {}\n", verdict ? "yes, as a Xen PV guest" : "no");
}

void print_json(const Kernel& kernel, const Result<void>& verdict) {
  nlohmann::json notes = nlohmann::json::object();
  for (const auto& [name, value] : note_rows(kernel.info))
    notes[name] = value;
  nlohmann::json segments = nlohmann::json::array();
  for (const image::LoadSegment& load : kernel.info.loads)
    segments.push_back({{"offset", load.file_offset},
                        {"paddr", load.paddr},
                        {"filesize", load.file_size},
                        {"memsize", load.memory_size},
                        {"flags", flags_text(load.flags)}});
  const nlohmann::json out = {
      {"container", kernel.head.container == image::Container::bzimage ? "bzImage" : "ELF"},
      {"compression", kernel.head.codec ? nlohmann::json(name(*kernel.head.codec)) : nlohmann::json(nullptr)},
      {"version", kernel.head.setup.version},
      {"file_size", kernel.head.file_size},
      {"uncompressed_size", kernel.content_size},
      {"kernel_start", kernel.info.kernel_start.value},
      {"kernel_end", kernel.info.kernel_end.value},
      {"notes", notes},
      {"segments", segments},
      {"bootable", verdict.has_value()},
      {"reason", verdict ? "" : verdict.error().text()}};
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace

Result<void> inspect_kernel(const Arguments& arguments) {
  const auto file = TRY(open_host_file(arguments.kernel));
  const auto kernel = read_kernel(*file);
  if (!kernel) {
    if (arguments.json) {
      const nlohmann::json out = {{"bootable", false}, {"reason", kernel.error().text()}};
      fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return std::unexpected(Error(kernel.error()).at(arguments.kernel));
  }
  const auto verdict = image::bootable_pv(kernel->info);
  arguments.json ? print_json(*kernel, verdict) : print_text(*kernel, verdict);
  if (!verdict)
    return std::unexpected(Error(verdict.error()).at(arguments.kernel));
  return {};
}

} // namespace pvboot::tools
