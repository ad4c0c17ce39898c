// The bytes of an inode: of a file, of a directory, of a long symbolic link.
//
// They lie in blocks on disk, in holes, or (inline data) in the inode itself: its first 60 bytes in the block area,
// the rest in the attribute system.data. A run joins neighbouring extents as far as they go, so that bulk readers
// get large runs; the last one is kept, so that a sequential reader pays for each extent once.
//
// Fails with Code::unsupported for encrypted contents, Code::corrupt or the device's code; places begin with "inode
// 1234". The flag of `chattr +c` is a wish that nobody heeds: files with it lie there like others. [ext4: ifork,
// inlinedata]
#pragma once

#include "fs/ext/block_map.hpp"
#include "fs/file.hpp"

namespace pvboot::fs::ext {

class InodeData {
public:
  /// `inode` is one whose size counts bytes of contents. The volume is borrowed.
  static Result<std::unique_ptr<InodeData>> open(Volume& volume, const Inode& inode);

  std::uint64_t size() const { return size_; }

  /// As File::run_at and File::read.
  Result<Run> run_at(std::uint64_t offset);
  Result<void> read(std::uint64_t offset, MutBytes out);

private:
  InodeData(Volume& volume, const Inode& inode) : volume_(volume), number_(inode.number), size_(inode.size) {}
  Result<void> prepare(const Inode& inode);
  Run inline_run(std::uint64_t offset) const;
  Result<Run> joined_run(FileBlock first);
  Result<void> read_inside(std::uint64_t offset, MutBytes out);
  Result<void> copy_run(const Run& run, MutBytes out);
  std::string place() const;

  Volume& volume_;
  InodeNumber number_;
  std::uint64_t size_;
  std::unique_ptr<BlockMap> map_; ///< null: the contents are inline
  std::vector<std::byte> inline_; ///< what the inode holds of them; what is missing up to the size is zeroes
  Run last_;                      ///< length 0: none
};

} // namespace pvboot::fs::ext
