#include "cached_files.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

namespace pvboot::test {

namespace files = std::filesystem;

files::path cache() {
  if (const char* folder = std::getenv("PVBOOT_CACHE"))
    return folder;
  const char* home = std::getenv("HOME");
  return files::path(home != nullptr ? home : "/root") / ".cache" / "pvboot";
}

std::optional<Octets> cached_file(const std::string& part, const std::string& file) {
  std::error_code none;
  for (const auto& folder : files::directory_iterator(cache(), none)) {
    const std::string name = folder.path().filename().string();
    constexpr std::size_t hash_size = 16;
    if (name.size() == part.size() + 1 + hash_size && name.starts_with(part + "-") &&
        files::exists(folder.path() / file, none))
      return contents(folder.path() / file);
  }
  return std::nullopt;
}

// A machine whose apt has no 6.12 kernel makes no ZSTD part.
std::vector<std::string> debian_kernels() {
  std::vector<std::string> parts = {"kernel-xz", "kernel-lz4", "kernel-rt"};
  if (cached_file("kernel-zstd", "vmlinuz"))
    parts.push_back("kernel-zstd");
  return parts;
}

void without(const std::string& part) {
  const std::string words = "no " + part + " in " + cache().string() + ": nothing is shown of it here";
  if (std::getenv("PVBOOT_WITH_KERNELS") != nullptr)
    FAIL_CHECK(words);
  else
    WARN(words);
}

Octets contents(const files::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  return octets(bytes);
}

} // namespace pvboot::test
