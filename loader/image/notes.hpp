// What a kernel tells Xen about itself: ELF notes of owner "Xen", or the older `__xen_guest` section.
//
// [xen/elfnote.h, xen/features.h] A numeric descriptor has 1, 2, 4 or 8 bytes and reads as 0 with any other size; a
// string may lack its NUL. Notes that nobody here knows are kept for printing and otherwise ignored. When a note
// comes twice the later one counts; lists of features add up, and BSD_SYMTAB is not taken back.
//
// Fails with Code::corrupt (a note that reaches past its table) or Code::too_large (more notes than are kept).
#pragma once

#include "base/bytes.hpp"
#include "base/units.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pvboot::image {

enum class NoteSource : std::uint8_t { none, program_header, section, guest_section };

struct Note {
  std::uint32_t type = 0;      ///< XEN_ELFNOTE_*
  std::vector<std::byte> desc; ///< at most max_note_desc bytes of it are kept
  std::uint64_t desc_size = 0; ///< as the file states it
};

constexpr std::size_t max_notes = 256;
constexpr std::size_t max_note_desc = 1024;

/// Feature bits by XENFEAT_* number.
struct Features {
  std::uint64_t supported = 0;
  std::uint64_t required = 0;
  std::string unknown_required; ///< the first required name that nobody here knows; empty if there is none

  bool requires_bit(unsigned bit) const { return (required >> bit & 1) != 0; }
};

/// Everything the notes say, before defaults are applied.
struct XenNotes {
  NoteSource source = NoteSource::none;
  std::vector<Note> all; ///< in file order; empty for the guest section
  std::string guest_section;

  std::optional<GuestVirt> entry;
  std::optional<GuestVirt> hypercall_page;
  std::optional<std::uint64_t> hypercall_page_number; ///< guest section: pages from VIRT_BASE
  std::optional<GuestVirt> virt_base;
  std::optional<std::uint64_t> paddr_offset;
  std::optional<GuestVirt> init_p2m;
  std::optional<std::uint64_t> phys32_entry;
  bool mod_start_pfn = false;
  bool bsd_symtab = false;
  std::string xen_version;
  std::string guest_os;
  std::string guest_version;
  std::string loader;
  Features features;
};

/// The name of a XEN_ELFNOTE_* number, e.g. "VIRT_BASE"; empty if unknown.
std::string_view note_name(std::uint32_t type);

/// The name of a XENFEAT_* bit as it stands in a FEATURES note; empty if unknown.
std::string_view feature_name(unsigned bit);

/// A number out of a descriptor; 0 for odd sizes.
std::uint64_t note_number(Bytes desc);

/// The characters of a descriptor up to its NUL or its end.
std::string note_string(Bytes desc);

/// Adds the notes of one PT_NOTE segment or SHT_NOTE section; returns how many of them were Xen's.
Result<std::size_t> add_notes(XenNotes& notes, Bytes table);

/// Reads a legacy section: "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x…".
void read_guest_section(XenNotes& notes, Bytes text);

/// Adds "a|!b" to `features`.
void add_features(Features& features, std::string_view list);

} // namespace pvboot::image
