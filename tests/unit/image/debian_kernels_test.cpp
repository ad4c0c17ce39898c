// Debian's own kernels, where the cache has them ($PVBOOT_CACHE or ~/.cache/pvboot: kernel-*/vmlinuz), against
// libelf and against the tools that compressed them.
#include "cached_files.hpp"
#include "elf_judge.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::test;
namespace files = std::filesystem;

namespace {

std::vector<files::path> kernels() {
  std::vector<files::path> found;
  std::error_code none;
  for (const auto& folder : files::directory_iterator(cache(), none))
    for (const auto& file : files::directory_iterator(folder.path(), none))
      if (file.path().filename().string().starts_with("vmlinu"))
        found.push_back(file.path());
  std::ranges::sort(found);
  return found;
}

} // namespace

TEST_CASE("Debian's kernels are bootable, and their headers are what libelf says") {
  const std::vector<files::path> all = kernels();
  for (const std::string& part : debian_kernels())
    if (!cached_file(part, "vmlinuz"))
      without(part);
  for (const files::path& path : all) {
    CAPTURE(path.string());
    const auto loaded = load(contents(path), 1 << 20);
    INFO((loaded ? std::string() : loaded.error().text()));
    REQUIRE(loaded);
    CHECK(compare_with_libelf(loaded->content).both == std::array{true, true, true, true});
    const image::KernelInfo& info = loaded->info;
    CHECK(info.notes.source == image::NoteSource::program_header);
    CHECK(info.virt_base == GuestVirt{linux_base});
    CHECK(info.init_p2m == GuestVirt{0x80'0000'0000});
    CHECK(info.mod_start_pfn);
    CHECK(info.notes.guest_os == "linux");
    CHECK(info.notes.features.requires_bit(0));
    CHECK(loaded->known_at < loaded->content.size() / 2);
    for (const image::LoadSegment& load : info.loads)
      CHECK((load.file_offset - load.target) % page_size == 0);
  }
}
