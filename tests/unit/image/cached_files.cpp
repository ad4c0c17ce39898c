#include "cached_files.hpp"

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

Octets contents(const files::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  return octets(bytes);
}

} // namespace pvboot::test
