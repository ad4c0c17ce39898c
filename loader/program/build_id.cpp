#include "loader/program/build_id.hpp"

#include "base/version.hpp"

#include <elf.h>

extern "C" const char pvboot_build_id_note[];

namespace pvboot::loader {

Bytes build_id() {
  // The linker's own note, not hostile: 12 bytes of header, "GNU", the descriptor [gabi: Note Section].
  Elf64_Nhdr header;
  std::memcpy(&header, pvboot_build_id_note, sizeof header);
  return {reinterpret_cast<const std::byte*>(pvboot_build_id_note) + sizeof header + header.n_namesz, header.n_descsz};
}

std::string version_line() {
  constexpr char digits[] = "0123456789abcdef";
  std::string line = "pvboot ";
  line += version;
  line += " (build-id ";
  for (const std::byte b : build_id()) {
    line += digits[static_cast<unsigned>(b) >> 4];
    line += digits[static_cast<unsigned>(b) & 15];
  }
  return line + ")";
}

} // namespace pvboot::loader
