// An ext filesystem's metadata: blocks, group descriptors and inodes, checked on the way in.
//
// Everything goes through one small cache of the device. Each descriptor and inode is verified against its checksum
// where the filesystem has them. Fails with Code::corrupt and the place ("group 5", "inode 1234"), or with the
// device's own code. [ext4: group_descr, inodes]
#pragma once

#include "fs/ext/layout.hpp"

#include <vector>

namespace pvboot::fs::ext {

/// An inode in use.
struct Inode {
  InodeNumber number;
  std::uint16_t mode = 0;
  std::uint32_t flags = 0;
  std::uint64_t size = 0;          ///< bytes
  std::int64_t mtime = 0;          ///< seconds since 1970
  std::uint32_t checksum_seed = 0; ///< of its extent and directory blocks
  std::array<std::byte, block_area_size> block{};
  std::vector<std::byte> attributes; ///< what follows the fixed fields, where inline data needs it

  bool is_directory() const { return (mode & mode::type_mask) == mode::directory; }
  bool is_regular() const { return (mode & mode::type_mask) == mode::regular; }
  bool is_symlink() const { return (mode & mode::type_mask) == mode::symlink; }
  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
};

class Volume {
public:
  static Result<std::unique_ptr<Volume>> open(BlockSource& device);

  const Layout& layout() const { return layout_; }
  BlockReader& device() { return device_; }
  std::uint64_t byte_offset(BlockNumber block) const { return block.value * layout_.block_size; }

  /// Fills `out`, at most a block, from the start of `block`.
  Result<void> read_block(BlockNumber block, MutBytes out);

  Result<Inode> read_inode(InodeNumber number);

private:
  // Metadata of a boot lies close together; a guest may have many filesystems and the loader's heap is small.
  static constexpr std::size_t cache_lines = 12;

  explicit Volume(BlockSource& source) : device_(source, cache_lines) {}
  Result<GroupDescriptor> read_group(GroupNumber group);
  Result<void> check_group(GroupNumber group, Bytes descriptor) const;
  std::uint64_t descriptor_offset(GroupNumber group) const;
  Result<void> check_inode(Bytes bytes, const RawInode& raw, std::uint32_t seed) const;
  Result<Inode> decode(InodeNumber number, Bytes bytes) const;

  BlockReader device_;
  Layout layout_;
};

} // namespace pvboot::fs::ext
