#include "loader/image/notes.hpp"

#include "base/text.hpp"
#include "loader/image/note_table.hpp"

#include <algorithm>
#include <array>
#include <xen/elfnote.h>
#include <xen/features.h>

namespace pvboot::image {

namespace {

// XEN_ELFNOTE_PHYS32_RELOC is younger than the oldest headers that this builds with.
constexpr std::uint32_t phys32_reloc = 19;

constexpr std::array<std::string_view, phys32_reloc + 1> note_names{
    "INFO",        "ENTRY",         "HYPERCALL_PAGE",     "VIRT_BASE",    "PADDR_OFFSET",
    "XEN_VERSION", "GUEST_OS",      "GUEST_VERSION",      "LOADER",       "PAE_MODE",
    "FEATURES",    "BSD_SYMTAB",    "HV_START_LOW",       "L1_MFN_VALID", "SUSPEND_CANCEL",
    "INIT_P2M",    "MOD_START_PFN", "SUPPORTED_FEATURES", "PHYS32_ENTRY", "PHYS32_RELOC"};
static_assert(XEN_ELFNOTE_ENTRY == 1 && XEN_ELFNOTE_FEATURES == 10 && XEN_ELFNOTE_PHYS32_ENTRY == 18);

struct FeatureName {
  unsigned bit;
  std::string_view name;
};

constexpr std::array feature_names{
    FeatureName{XENFEAT_writable_page_tables, "writable_page_tables"},
    FeatureName{XENFEAT_writable_descriptor_tables, "writable_descriptor_tables"},
    FeatureName{XENFEAT_auto_translated_physmap, "auto_translated_physmap"},
    FeatureName{XENFEAT_supervisor_mode_kernel, "supervisor_mode_kernel"},
    FeatureName{XENFEAT_pae_pgdir_above_4gb, "pae_pgdir_above_4gb"},
    FeatureName{XENFEAT_mmu_pt_update_preserve_ad, "mmu_pt_update_preserve_ad"},
    FeatureName{XENFEAT_highmem_assist, "highmem_assist"},
    FeatureName{XENFEAT_gnttab_map_avail_bits, "gnttab_map_avail_bits"},
    FeatureName{XENFEAT_hvm_callback_vector, "hvm_callback_vector"},
    FeatureName{XENFEAT_hvm_safe_pvclock, "hvm_safe_pvclock"},
    FeatureName{XENFEAT_hvm_pirqs, "hvm_pirqs"},
    FeatureName{XENFEAT_dom0, "dom0"},
    FeatureName{XENFEAT_memory_op_vnode_supported, "memory_op_vnode_supported"},
    FeatureName{XENFEAT_ARM_SMCCC_supported, "ARM_SMCCC_supported"},
    FeatureName{XENFEAT_linux_rsdp_unrestricted, "linux_rsdp_unrestricted"},
    FeatureName{XENFEAT_not_direct_mapped, "not_direct_mapped"},
    FeatureName{XENFEAT_direct_mapped, "direct_mapped"},
};

void add_feature(Features& features, std::string_view word) {
  const bool required = word.starts_with('!');
  if (required)
    word.remove_prefix(1);
  if (word.empty())
    return;
  const auto* const found = std::ranges::find(feature_names, word, &FeatureName::name);
  if (found == feature_names.end()) {
    if (required && features.unknown_required.empty())
      features.unknown_required = printable(word, 64);
    return;
  }
  const std::uint64_t bit = std::uint64_t{1} << found->bit;
  features.supported |= bit;
  features.required |= required ? bit : 0;
}

void take_note(XenNotes& notes, std::uint32_t type, Bytes desc) {
  switch (type) {
  case XEN_ELFNOTE_ENTRY: notes.entry = GuestVirt{note_number(desc)}; break;
  case XEN_ELFNOTE_HYPERCALL_PAGE: notes.hypercall_page = GuestVirt{note_number(desc)}; break;
  case XEN_ELFNOTE_VIRT_BASE: notes.virt_base = GuestVirt{note_number(desc)}; break;
  case XEN_ELFNOTE_PADDR_OFFSET: notes.paddr_offset = note_number(desc); break;
  case XEN_ELFNOTE_XEN_VERSION: notes.xen_version = note_string(desc); break;
  case XEN_ELFNOTE_GUEST_OS: notes.guest_os = note_string(desc); break;
  case XEN_ELFNOTE_GUEST_VERSION: notes.guest_version = note_string(desc); break;
  case XEN_ELFNOTE_LOADER: notes.loader = note_string(desc); break;
  case XEN_ELFNOTE_FEATURES: add_features(notes.features, note_string(desc)); break;
  case XEN_ELFNOTE_BSD_SYMTAB: notes.bsd_symtab |= note_string(desc) == "yes"; break;
  case XEN_ELFNOTE_INIT_P2M: notes.init_p2m = GuestVirt{note_number(desc)}; break;
  case XEN_ELFNOTE_MOD_START_PFN: notes.mod_start_pfn = note_number(desc) != 0; break;
  case XEN_ELFNOTE_SUPPORTED_FEATURES: notes.features.supported |= note_number(desc); break;
  case XEN_ELFNOTE_PHYS32_ENTRY: notes.phys32_entry = note_number(desc); break;
  default: break;
  }
}

/// "0x100000" as Xen reads it; a value that is no number counts as 0.
std::uint64_t section_number(std::string_view value) { return parse_number(value).value_or(0); }

void take_pair(XenNotes& notes, std::string_view key, std::string_view value) {
  if (key == "LOADER")
    notes.loader = value;
  else if (key == "GUEST_OS")
    notes.guest_os = value;
  else if (key == "GUEST_VER")
    notes.guest_version = value;
  else if (key == "XEN_VER")
    notes.xen_version = value;
  else if (key == "FEATURES")
    add_features(notes.features, value);
  else if (key == "VIRT_BASE")
    notes.virt_base = GuestVirt{section_number(value)};
  else if (key == "VIRT_ENTRY")
    notes.entry = GuestVirt{section_number(value)};
  else if (key == "ELF_PADDR_OFFSET")
    notes.paddr_offset = section_number(value);
  else if (key == "HYPERCALL_PAGE")
    notes.hypercall_page_number = section_number(value);
  else if (key == "BSD_SYMTAB")
    notes.bsd_symtab = true;
}

} // namespace

std::string_view note_name(std::uint32_t type) {
  return type < note_names.size() ? note_names[type] : std::string_view();
}

std::string_view feature_name(unsigned bit) {
  const auto* const found = std::ranges::find(feature_names, bit, &FeatureName::bit);
  return found == feature_names.end() ? std::string_view() : found->name;
}

std::uint64_t note_number(Bytes desc) {
  if (desc.size() != 1 && desc.size() != 2 && desc.size() != 4 && desc.size() != 8)
    return 0;
  std::uint64_t value = 0;
  for (std::size_t i = desc.size(); i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(desc[i]);
  return value;
}

std::string note_string(Bytes desc) {
  const std::string_view text = as_text(desc).substr(0, max_note_desc);
  return std::string(text.substr(0, text.find('\0')));
}

void add_features(Features& features, std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of("| "), list.size());
    add_feature(features, list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

Result<std::size_t> add_notes(XenNotes& notes, Bytes table) {
  std::size_t found = 0;
  NoteTable walk(table);
  while (const auto note = TRY(walk.next())) {
    if (note->owner != "Xen")
      continue;
    if (notes.all.size() == max_notes)
      return fail(Code::too_large, "more Xen notes than a kernel has");
    const Bytes kept = note->desc.first(std::min(note->desc.size(), max_note_desc));
    notes.all.push_back({note->type, {kept.begin(), kept.end()}, note->desc.size()});
    take_note(notes, note->type, note->desc);
    ++found;
  }
  return found;
}

void read_guest_section(XenNotes& notes, Bytes text) {
  constexpr std::size_t longest = 4096;
  std::string_view rest = as_text(text).substr(0, longest);
  rest = rest.substr(0, rest.find('\0'));
  notes.guest_section = rest;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    take_pair(notes, pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

} // namespace pvboot::image
