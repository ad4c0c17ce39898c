#include "tools/pvboot/version.hpp"

#include "base/version.hpp"
#include "loader/image/build_id.hpp"

#include <elf.h>
#include <fmt/core.h>
#include <link.h>

namespace pvboot::tools {

namespace {

// The program itself is the first object; its notes are mapped [dl_iterate_phdr(3)].
int find_build_id(dl_phdr_info* object, std::size_t, void* result) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const Bytes table(reinterpret_cast<const std::byte*>(object->dlpi_addr + segment.p_vaddr), segment.p_memsz);
    if (const Bytes id = image::build_id_in(table); !id.empty()) {
      *static_cast<Bytes*>(result) = id;
      break;
    }
  }
  return 1;
}

} // namespace

std::string version_text() {
  Bytes id;
  dl_iterate_phdr(find_build_id, &id);
  std::string text;
  for (const std::byte b : id)
    text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return fmt::format("pvboot {} (build-id {})", version, text);
}

} // namespace pvboot::tools
