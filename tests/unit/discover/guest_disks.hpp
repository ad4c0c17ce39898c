// Guest disks for the tests of discovery: ext4 images with a few files, whole or in MBR partitions.
#pragma once

#include "loader/discover/find_configuration.hpp"
#include "tests/unit/fs/fixture.hpp"

#include <map>

namespace pvboot::test {

using Files = std::map<std::string, std::string>; // path -> text

/// An ext4 image with these files.
inline std::vector<std::byte> disk_with(const Files& files) {
  Scratch scratch;
  const auto tree = scratch / "tree";
  std::filesystem::create_directories(tree);
  for (const auto& [path, text] : files) {
    const auto full = tree / path.substr(1);
    std::filesystem::create_directories(full.parent_path());
    write_file(full, std::string_view(text));
  }
  return make_ext(scratch, tree, {.options = "-t ext4", .size_mib = 4});
}

/// A disk with an MBR whose partitions, from 1 on, hold these images.
inline std::vector<std::byte> partitioned(const std::vector<std::vector<std::byte>>& images) {
  constexpr std::size_t mib = 1 << 20;
  std::vector<std::byte> disk(mib);
  for (std::size_t i = 0; i < images.size(); ++i) {
    struct {
      std::uint8_t status = 0, chs_first[3] = {}, type = 0x83, chs_last[3] = {};
      le32 start, sectors;
    } entry;
    entry.start = le32(static_cast<std::uint32_t>(disk.size() / 512));
    entry.sectors = le32(static_cast<std::uint32_t>(images[i].size() / 512));
    std::memcpy(disk.data() + 446 + 16 * i, &entry, 16);
    disk.insert(disk.end(), images[i].begin(), images[i].end());
  }
  disk[510] = std::byte{0x55};
  disk[511] = std::byte{0xaa};
  return disk;
}

/// A guest with these disks, xvda first.
class TestGuest final : public loader::Surroundings {
public:
  explicit TestGuest(std::vector<std::vector<std::byte>> disks, bool writable = false) : bytes_(std::move(disks)) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const std::string name = std::string("xvd") + static_cast<char>('a' + i);
      sources_.push_back(std::make_unique<MemorySource>(bytes_[i], name, 512, writable));
      set.add(*sources_.back(), name);
    }
  }
  std::int64_t unix_time() override { return 1'700'000'000; }
  void print(std::string_view text) override { printed += text; }

private:
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<std::unique_ptr<MemorySource>> sources_;

public:
  std::string printed;
  loader::DiskSet set;
  loader::DiskEnvironment environment{set, *this};
};

} // namespace pvboot::test
