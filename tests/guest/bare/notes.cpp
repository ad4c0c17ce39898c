// The notes with which Xen starts the bare guest as it starts the loader [xen/elfnote.h].
#include "xen/abi/xen.hpp"

namespace {

template <typename Value> struct Note {
  std::uint32_t owner_size = 4;
  std::uint32_t value_size = sizeof(Value);
  std::uint32_t type;
  char owner[4] = {'X', 'e', 'n', '\0'};
  Value value;
};

struct Notes {
  Note<char[8]> version{.type = XEN_ELFNOTE_XEN_VERSION, .value = "xen-3.0"};
  Note<char[8]> loader{.type = XEN_ELFNOTE_LOADER, .value = "generic"};
  Note<std::uint64_t> base{.type = XEN_ELFNOTE_VIRT_BASE, .value = 0x100000000000}; // as in bare.ld
  Note<std::uint64_t> offset{.type = XEN_ELFNOTE_PADDR_OFFSET, .value = 0};
  Note<std::uint64_t> p2m{.type = XEN_ELFNOTE_INIT_P2M, .value = 0x8000000000};
};

// Given an alignment, the compiler takes no larger one of its own.
alignas(8) [[gnu::used, gnu::section(".note.Xen")]] const Notes notes;

} // namespace
