// The symbol table that a BSD kernel finds behind itself when its BSD_SYMTAB note says "yes".
//
// As Xen's builder lays it out: at the first 8-byte boundary after the last segment a u32, the size of what follows; a
// small ELF file of the kernel's own header and three section headers (none, the symbols, their strings); the symbols;
// the strings. Symbols and strings begin at 8-byte boundaries of memory, so not of the ELF header, which lies at 4.
// Offsets in the section headers count from the ELF header.
//
// A kernel without a symbol table, or one whose table names no strings, gets nothing and starts without. Fails with
// Code::too_large (a table of an absurd size) or Code::corrupt (a table outside the file).
#pragma once

#include "base/units.hpp"
#include "loader/image/elf.hpp"

#include <optional>

namespace pvboot::image {

struct BsdSymbols {
  GuestVirt start;        ///< of the u32
  std::uint64_t size = 0; ///< of all of it, the u32 and the padding behind the strings included
  SectionHeader symbols;  ///< as it stands in the kernel's file
  SectionHeader strings;

  /// Fills `out` (`size` bytes) from the whole ELF file.
  Result<void> write(Bytes file, MutBytes out) const;
};

/// Where the symbols of a kernel whose last segment ends at `kernel_end` go.
Result<std::optional<BsdSymbols>> place_bsd_symbols(const std::vector<SectionHeader>& sections, GuestVirt kernel_end);

} // namespace pvboot::image
