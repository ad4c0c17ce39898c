#include "checks.hpp"

#include <cstring>
#include <elf.h>

namespace pvboot::probe {

extern "C" const std::byte probe_entry[];

void check_symbols(Report& report, const Machine& machine) {
  (void)machine;
  if (probe_shape.bsd_symtab == 0)
    return;
  const std::uint64_t where = (probe_shape.kernel_end + 7) & ~std::uint64_t{7};
  const std::uint32_t size = *reinterpret_cast<const std::uint32_t*>(where);
  report.fact("symbols", Hex{where}, "+", Dec{size});
  report.check(size > sizeof(Elf64_Ehdr) && size < (16 << 20), "no symbol table behind the kernel");
  if (size <= sizeof(Elf64_Ehdr) || size >= (16 << 20))
    return;
  const std::uint64_t file = where + 4;
  report.fact("symbols.hash", Hex{hash(reinterpret_cast<const std::byte*>(file), size)});
  Elf64_Ehdr header;
  std::memcpy(&header, reinterpret_cast<const std::byte*>(file), sizeof header);
  report.fact("symbols.header", "type", Dec{header.e_type}, "machine", Dec{header.e_machine}, "sections",
              Dec{header.e_shnum}, "of", Dec{header.e_shentsize}, "at", Dec{header.e_shoff}, "names",
              Dec{header.e_shstrndx}, "header", Dec{header.e_ehsize}, "entry", Hex{header.e_entry}, "ident",
              Hex{hash(header.e_ident, sizeof header.e_ident)});
  report.check(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0, "the symbols are no ELF file");
  bool found = false;
  std::uint64_t symbols_at = 0, symbols_size = 0, names_at = 0;
  for (unsigned i = 0; i < header.e_shnum && i < 16; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, reinterpret_cast<const std::byte*>(file + header.e_shoff + i * sizeof section),
                sizeof section);
    report.fact("symbols.section", Dec{i}, "type", Dec{section.sh_type}, "at", Dec{section.sh_offset}, "+",
                Dec{section.sh_size}, "link", Dec{section.sh_link}, "info", Dec{section.sh_info}, "align",
                Dec{section.sh_addralign}, "entries of", Dec{section.sh_entsize}, "name", Dec{section.sh_name}, "flags",
                Hex{section.sh_flags}, "address", Hex{section.sh_addr});
    if (section.sh_type == SHT_SYMTAB)
      symbols_at = file + section.sh_offset, symbols_size = section.sh_size;
    if (section.sh_type == SHT_STRTAB)
      names_at = file + section.sh_offset;
  }
  for (std::uint64_t i = 0; names_at != 0 && symbols_at + i + sizeof(Elf64_Sym) <= file + size && i < symbols_size;
       i += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, reinterpret_cast<const std::byte*>(symbols_at + i), sizeof symbol);
    const char* name = reinterpret_cast<const char*>(names_at + symbol.st_name);
    if (names_at + symbol.st_name < file + size && std::strcmp(name, "probe_entry") == 0)
      found = symbol.st_value == at(&probe_entry[0]);
  }
  report.fact("symbols.own", found ? "found" : "not found");
  report.check(found, "the symbol of the entry is not in the table");
}

} // namespace pvboot::probe
