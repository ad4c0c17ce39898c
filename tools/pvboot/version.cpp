#include "tools/pvboot/version.hpp"

#include "base/version.hpp"

#include <cstring>
#include <elf.h>
#include <fmt/core.h>
#include <link.h>

namespace pvboot::tools {

namespace {

// The program itself is the first object; its notes were checked by the linker, not by us [elf(5)].
int find_build_id(dl_phdr_info* object, std::size_t, void* result) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char* at = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    const char* const end = at + segment.p_memsz;
    while (static_cast<std::size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char* description = at + sizeof note + ((note.n_namesz + 3) & ~3u);
      if (note.n_type == NT_GNU_BUILD_ID && std::strcmp(at + sizeof note, "GNU") == 0) {
        auto& text = *static_cast<std::string*>(result);
        for (unsigned k = 0; k < note.n_descsz; ++k)
          text += fmt::format("{:02x}", static_cast<unsigned char>(description[k]));
        return 1;
      }
      at = description + ((note.n_descsz + 3) & ~3u);
    }
  }
  return 1;
}

} // namespace

std::string version_text() {
  std::string id;
  dl_iterate_phdr(find_build_id, &id);
  return fmt::format("pvboot {} (build-id {})", version, id);
}

} // namespace pvboot::tools
