#include "loader/image/kernel_info.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"
#include "loader/image/multiboot.hpp"
#include "loader/image/note_table.hpp"

#include <algorithm>
#include <xen/features.h>

namespace pvboot::image {

namespace {

constexpr std::uint32_t flags_rwx = 7;
constexpr std::uint32_t section_notes = 7;   ///< SHT_NOTE
constexpr std::uint32_t section_nothing = 8; ///< SHT_NOBITS

/// The ELF file as far as it has come.
struct View {
  ElfHeader header;
  std::vector<ProgramHeader> segments;
  Bytes prefix;
  bool complete;

  /// Whether `end` bytes are there. When they never will be, `message` says what for.
  Result<bool> has(std::uint64_t end, const char* message) const {
    if (end <= prefix.size())
      return true;
    if (complete)
      return fail(Code::corrupt, message);
    return false;
  }
};

/// True when everything that was looked for is there; false when more bytes are needed.
using Ready = Result<bool>;

/// Where a table of notes lies in the file.
struct TablePlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The notes of all these tables, once all are there. Many headers may name the same bytes, and a kernel is looked at
/// again and again while it streams past: the bound is on all of them together.
Ready take_tables(XenNotes& notes, const View& view, const std::vector<TablePlace>& tables, NoteSource source) {
  std::uint64_t total = 0;
  for (const TablePlace& table : tables) {
    const auto end = checked_add<std::uint64_t>(table.offset, table.size);
    if (!end)
      return fail(Code::corrupt, "an ELF note table past the end of any file");
    if (!TRY(view.has(*end, "the kernel ends inside its ELF notes")))
      return false;
    total += table.size;
    if (total > max_note_bytes)
      return fail(Code::too_large, "more bytes of ELF notes than a kernel has");
  }
  for (const TablePlace& table : tables)
    if (TRY(add_notes(notes, TRY(cut(view.prefix, table.offset, table.size)))) != 0)
      notes.source = source;
  return true;
}

Ready take_segment_notes(XenNotes& notes, const View& view) {
  std::vector<TablePlace> tables;
  for (const ProgramHeader& segment : view.segments)
    if (segment.type == segment_note && segment.offset != 0)
      tables.push_back({segment.offset, segment.file_size});
  return take_tables(notes, view, tables, NoteSource::program_header);
}

Ready take_section_notes(XenNotes& notes, const View& view, const std::vector<SectionHeader>& sections) {
  std::vector<TablePlace> tables;
  for (const SectionHeader& section : sections)
    if (section.type == section_notes)
      tables.push_back({section.offset, section.size});
  return take_tables(notes, view, tables, NoteSource::section);
}

/// The legacy section can lie anywhere, and so can the names of sections: it is looked for in the whole file only.
Ready take_guest_section(XenNotes& notes, const View& view, const std::vector<SectionHeader>& sections) {
  if (!view.complete)
    return false;
  for (const SectionHeader& section : sections) {
    if (section.type == section_nothing || section_name(view.header, sections, section, view.prefix) != "__xen_guest")
      continue;
    const auto text = cut(view.prefix, section.offset, section.size);
    if (!text)
      return fail(Code::corrupt, "the kernel ends inside its __xen_guest section");
    read_guest_section(notes, *text);
    notes.source = NoteSource::guest_section;
    break;
  }
  return true;
}

/// Program headers first, then sections, then the legacy section, as Xen looks for them.
Ready take_notes(XenNotes& notes, const View& view) {
  if (!TRY(take_segment_notes(notes, view)))
    return false;
  if (notes.source != NoteSource::none)
    return true;
  if (view.header.sections_unreadable)
    return std::unexpected(*view.header.sections_unreadable);
  if (view.header.section_header_count == 0)
    return true;
  if (!TRY(view.has(view.header.section_headers_end(), "the kernel ends inside its ELF section headers")))
    return false;
  const auto sections = TRY(read_section_headers(view.header, view.prefix));
  if (!TRY(take_section_notes(notes, view, sections)))
    return false;
  return notes.source != NoteSource::none ? true : take_guest_section(notes, view, sections);
}

void apply_defaults(KernelInfo& info, const ElfHeader& header) {
  const XenNotes& notes = info.notes;
  info.elf_type = header.type;
  info.virt_base = notes.virt_base.value_or(GuestVirt{0});
  info.entry = notes.entry.value_or(GuestVirt{header.entry});
  info.paddr_offset = notes.paddr_offset.value_or(notes.source == NoteSource::guest_section ? info.virt_base.value : 0);
  info.mod_start_pfn = notes.mod_start_pfn;
  info.hypercall_page = notes.hypercall_page;
  if (notes.hypercall_page_number)
    info.hypercall_page = GuestVirt{info.virt_base.value + (*notes.hypercall_page_number << page_shift)};
  if (notes.init_p2m && notes.init_p2m->value % page_size == 0 && *notes.init_p2m < info.virt_base)
    info.init_p2m = notes.init_p2m;
}

Result<void> add_load(KernelInfo& info, const ProgramHeader& segment) {
  const std::string place = "segment at " + hex(segment.paddr);
  if (info.loads.size() == max_loads)
    return fail(Code::too_large, "more segments to load than a kernel has");
  if (segment.file_size > segment.memory_size)
    return fail(Code::corrupt, "a segment has more bytes in the file than in memory", place);
  const auto file_end = checked_add<std::uint64_t>(segment.offset, segment.file_size);
  if (!file_end || !checked_add<std::uint64_t>(segment.paddr, segment.memory_size))
    return fail(Code::corrupt, "a segment wraps around", place);
  info.loads.push_back({.file_offset = segment.offset,
                        .file_size = segment.file_size,
                        .memory_size = segment.memory_size,
                        .paddr = segment.paddr,
                        .target = segment.paddr - info.paddr_offset,
                        .flags = segment.flags});
  info.image_end = std::max(info.image_end, segment.file_size == 0 ? 0 : *file_end);
  return {};
}

Result<void> take_loads(KernelInfo& info, const View& view) {
  std::uint64_t lowest = ~std::uint64_t{0};
  std::uint64_t highest = 0;
  for (const ProgramHeader& segment : view.segments) {
    if (segment.type != segment_load || (segment.flags & flags_rwx) == 0 || segment.memory_size == 0)
      continue;
    TRY(add_load(info, segment));
    lowest = std::min(lowest, segment.paddr);
    highest = std::max(highest, segment.paddr + segment.memory_size);
  }
  if (info.loads.empty())
    lowest = highest;
  const std::uint64_t to_virtual = info.virt_base.value - info.paddr_offset;
  info.kernel_start = {lowest + to_virtual};
  info.kernel_end = {highest + to_virtual};
  return {};
}

Ready take_symbols(KernelInfo& info, const View& view) {
  if (!info.notes.bsd_symtab || view.header.section_header_count == 0)
    return true;
  if (!TRY(view.has(view.header.section_headers_end(), "the kernel ends inside its ELF section headers")))
    return false;
  const auto sections = TRY(read_section_headers(view.header, view.prefix));
  info.bsd_symbols = TRY(place_bsd_symbols(sections, info.kernel_end));
  if (info.bsd_symbols) {
    const auto end = checked_add<std::uint64_t>(info.bsd_symbols->start.value, info.bsd_symbols->size);
    if (!end)
      return fail(Code::corrupt, "the kernel reaches the end of the address space");
    info.kernel_end = {*end};
  }
  return true;
}

Result<void> refuse(const char* reason) { return fail(Code::unsupported, reason); }
Result<void> refuse(const char* reason, const char* what, std::uint64_t value) {
  return fail(Code::unsupported, reason, std::string(what) + " " + hex(value));
}

/// What Debian's update-grub writes for dom0 (`multiboot /boot/xen.gz`) stands in the menu of a guest too.
Result<void> refuse_bare_metal(Bytes prefix) {
  if (has_multiboot_header(prefix))
    return refuse("this is the Xen hypervisor, or another multiboot program for a bare machine: it cannot run inside a "
                  "guest; choose an entry that starts the kernel without it");
  return {};
}

Result<void> check_type(const KernelInfo& info) {
  constexpr std::uint16_t executable = 2;
  constexpr std::uint16_t position_independent = 3;
  if (info.elf_type != executable && info.elf_type != position_independent)
    return refuse("an ELF file, but no program: an object file, a kernel module or a core dump");
  if (info.loads.empty())
    return refuse("the ELF file has no segment to load");
  return {};
}

Result<void> check_identity(const XenNotes& notes) {
  if (notes.source == NoteSource::none)
    return refuse("no Xen notes: this kernel was built without CONFIG_XEN_PV, or is no Xen guest at all");
  if (notes.phys32_entry && !notes.entry && !notes.virt_base && !notes.hypercall_page)
    return refuse("only a PVH entry: this kernel was built without CONFIG_XEN_PV; start it as a PVH guest");
  if (!notes.loader.starts_with("generic") && !notes.guest_os.starts_with("linux"))
    return refuse("its notes name neither the generic loader nor Linux as the guest");
  if (!notes.xen_version.starts_with("xen-3.0"))
    return refuse("its notes ask for another Xen interface than xen-3.0");
  return {};
}

Result<void> check_features(const Features& features) {
  if (!features.unknown_required.empty())
    return fail(Code::unsupported, "it requires a feature that nobody here knows", features.unknown_required);
  if (features.requires_bit(XENFEAT_dom0))
    return refuse("it can only be dom0: it requires the feature dom0");
  if (features.requires_bit(XENFEAT_auto_translated_physmap))
    return refuse("it can only be an HVM or PVH guest: it requires auto_translated_physmap");
  return {};
}

Result<void> check_segments(const KernelInfo& info) {
  if (info.notes.paddr_offset && !info.notes.virt_base)
    return refuse("its notes give PADDR_OFFSET but no VIRT_BASE");
  if (info.virt_base.value % page_size != 0)
    return refuse("VIRT_BASE is not at the start of a page", "VIRT_BASE", info.virt_base.value);
  for (const LoadSegment& load : info.loads)
    if (load.paddr < info.paddr_offset)
      return refuse("a segment lies below VIRT_BASE, by PADDR_OFFSET", "segment at", load.paddr);
  if (info.kernel_start < info.virt_base || info.kernel_end < info.kernel_start)
    return refuse("the kernel wraps around the end of the address space", "VIRT_BASE", info.virt_base.value);
  if (info.kernel_start.value % page_size != 0)
    return refuse("the kernel does not begin at the start of a page", "kernel at", info.kernel_start.value);
  for (const LoadSegment& a : info.loads)
    for (const LoadSegment& b : info.loads)
      if (&a != &b && a.paddr <= b.paddr && b.paddr - a.paddr < a.memory_size)
        return refuse("two segments overlap", "segment at", b.paddr);
  return {};
}

/// The lower half is the guest's; so is the upper one above Xen's 16 slots. Between them nothing is canonical.
bool touches_xen_or_nothing(std::uint64_t first, std::uint64_t last) {
  constexpr std::uint64_t lower_end = 0x0000'8000'0000'0000;
  constexpr std::uint64_t xen_end = 0xffff'8800'0000'0000;
  return first < xen_end && last >= lower_end;
}

Result<void> check_addresses(const KernelInfo& info) {
  const std::uint64_t last = info.kernel_end.value - 1;
  if (touches_xen_or_nothing(info.virt_base.value, last))
    return refuse("the kernel lies in addresses that are Xen's own or not canonical", "VIRT_BASE",
                  info.virt_base.value);
  if (info.entry < info.kernel_start || info.entry >= info.kernel_end)
    return refuse("its entry point is outside the kernel", "entry", info.entry.value);
  if (info.notes.init_p2m && *info.notes.init_p2m >= info.kernel_start && *info.notes.init_p2m < info.kernel_end)
    return refuse("its notes put the P2M list inside the kernel", "INIT_P2M", info.notes.init_p2m->value);
  if (info.init_p2m && touches_xen_or_nothing(info.init_p2m->value, info.init_p2m->value))
    return refuse("its notes put the P2M list into addresses that are Xen's own or not canonical", "INIT_P2M",
                  info.init_p2m->value);
  if (!info.hypercall_page)
    return {};
  const std::uint64_t page = info.hypercall_page->value;
  if (page % page_size != 0)
    return refuse("its hypercall page is not at the start of a page", "HYPERCALL_PAGE", page);
  if (page < info.virt_base.value || page > last)
    return refuse("its hypercall page is outside the kernel", "HYPERCALL_PAGE", page);
  return {};
}

} // namespace

Result<std::optional<KernelInfo>> read_kernel_info(Bytes prefix, bool complete) {
  View view{.header = {}, .segments = {}, .prefix = prefix, .complete = complete};
  if (!TRY(view.has(elf_header_size, "the kernel ends inside its ELF header")))
    return std::nullopt;
  if (is_elf_32(prefix)) {
    if (!complete && prefix.size() < multiboot_search)
      return std::nullopt;
    TRY(refuse_bare_metal(prefix));
  }
  view.header = TRY(read_elf_header(prefix));
  if (!TRY(view.has(view.header.program_headers_end(), "the kernel ends inside its ELF program headers")))
    return std::nullopt;
  view.segments = TRY(read_program_headers(view.header, prefix));

  KernelInfo info;
  if (!TRY(take_notes(info.notes, view)))
    return std::nullopt;
  apply_defaults(info, view.header);
  TRY(take_loads(info, view));
  if (complete && info.image_end > prefix.size())
    return fail(Code::corrupt, "a segment reaches past the end of the kernel");
  if (!TRY(take_symbols(info, view)))
    return std::nullopt;
  return info;
}

Result<void> bootable_pv(const KernelInfo& info) {
  TRY(check_type(info));
  TRY(check_identity(info.notes));
  TRY(check_features(info.notes.features));
  TRY(check_segments(info));
  return check_addresses(info);
}

} // namespace pvboot::image
