// What the tests of disks share: a scratch folder, the real tools of e2fsprogs, gdisk and fdisk, images in memory,
// a source tree with everything that makes filesystems work hard, and its comparison with what we read.
#pragma once

#include "base/memory_source.hpp"
#include "fs/filesystem.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace pvboot::test {

/// A folder of its own, removed at the end.
class Scratch {
public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
  std::filesystem::path path_;
};

/// Runs a shell command (the tools' folders in PATH) and fails the test, with its output, unless it exits with one
/// of 0 to `worst`.
void run(const std::string& command, int worst = 0);

std::vector<std::byte> read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, Bytes bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

/// Bytes that look random and are the same in every run.
std::vector<std::byte> noise(std::size_t size, std::uint32_t seed);

/// An image of `size_mib` MiB made by mke2fs from the files under `tree`, as it lies in memory.
struct Ext {
  std::string options; ///< for mke2fs, e.g. "-t ext4 -b 1024 -O inline_data"
  unsigned size_mib = 64;
  std::string debugfs{};          ///< commands run on it afterwards, one a line
  bool index_directories = false; ///< e2fsck -D
};
std::vector<std::byte> make_ext(const Scratch& scratch, const std::filesystem::path& tree, const Ext& how);

/// Files of awkward sizes, links of all lengths, deep and crowded directories.
void plant_tree(const std::filesystem::path& root);

/// More files under it, with holes at their end, between their blocks, and nothing but holes.
void plant_sparse_files(const std::filesystem::path& root);

/// Everything under `root` on the host is in `fs` with the same bytes, and nothing else is.
void require_same(fs::Filesystem& fs, const MemorySource& image, Bytes image_bytes, const std::filesystem::path& root);

/// Reads everything there is, by every way there is, without caring what comes; for damaged images. The number of
/// errors met.
std::size_t read_everything(BlockSource& source);

} // namespace pvboot::test
