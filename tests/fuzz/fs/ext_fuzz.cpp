// Any bytes as an ext filesystem: probing, listing, walking and reading end, and every run lies where it must.
#include "base/memory_source.hpp"
#include "fs/bulk/file_stream.hpp"
#include "fs/bulk/read_into.hpp"
#include "fs/filesystem.hpp"

#include <cstdlib>

using namespace pvboot;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

constexpr std::size_t memory_size = 64 << 10;
alignas(4096) std::byte memory[memory_size];

class Walker {
public:
  Walker(fs::Filesystem& fs, std::uint64_t disk_size) : fs_(fs), disk_size_(disk_size) {}

  void directory(const std::string& path, int depth) {
    const auto entries = fs_.list(path);
    if (!entries)
      return;
    for (const auto& entry : *entries) {
      if (++visited_ > 64)
        return;
      const std::string below = path + "/" + entry.name;
      (void)fs_.stat(below);
      (void)fs_.read_link(below);
      if (depth < 3)
        directory(below, depth + 1);
      file(below);
    }
  }

private:
  void file(const std::string& path) {
    auto file = fs_.open(path);
    if (!file)
      return;
    const std::uint64_t size = (*file)->size();
    std::uint64_t at = 0;
    for (int i = 0; i < 100 && at < size; ++i) {
      const auto run = (*file)->run_at(at);
      if (!run)
        return;
      require(run->offset == at && run->length > 0 && run->length <= size - at);
      if (run->kind == fs::Run::Kind::disk)
        require(run->disk_offset + run->length <= disk_size_);
      at += run->length;
    }
    if (size > memory_size)
      return;
    (void)fs::read_into(**file, memory);
    fs::FileStream stream(**file, memory, 4096);
    for (auto bytes = stream.next(); bytes && !bytes->empty();)
      bytes = stream.next();
  }

  fs::Filesystem& fs_;
  std::uint64_t disk_size_;
  int visited_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> disk(bytes, bytes + size);
  MemorySource source(disk, "xvda1");
  auto fs = fs::probe(source);
  if (!fs)
    return 0;
  (void)(*fs)->warnings();
  Walker(**fs, disk.size()).directory("", 0);
  return 0;
}
