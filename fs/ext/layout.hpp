// The facts of an ext filesystem that its superblock states, checked.
//
// A Layout's numbers agree with each other and with the size of the device; every feature that changes how files are
// read is known. Code::not_found: there is no ext superblock. Code::unsupported names the feature. Code::corrupt
// says which field contradicts. [ext4: super]
#pragma once

#include "base/block_reader.hpp"
#include "fs/ext/format.hpp"
#include "fs/uuid.hpp"

#include <string>

namespace pvboot::fs::ext {

struct Layout {
  std::uint32_t block_size = 0; ///< 1,024 to 65,536 bytes
  std::uint64_t blocks = 0;
  std::uint32_t first_data_block = 0;
  std::uint32_t blocks_per_group = 0;
  std::uint64_t groups = 0;
  std::uint32_t inodes = 0;
  std::uint32_t inodes_per_group = 0;
  std::uint32_t inode_size = 0;
  std::uint32_t descriptor_size = 0;
  std::uint32_t first_meta_group = 0; ///< with meta_bg: the first block of descriptors that lies in its own groups
  std::uint32_t backup_groups[2] = {};
  std::uint32_t feature_compat = 0;
  std::uint32_t feature_incompat = 0;
  std::uint32_t feature_ro_compat = 0;
  std::uint32_t checksum_seed = 0; ///< of all metadata checksums
  Uuid uuid;
  std::string label;

  std::uint64_t superblock_at = superblock_offset; ///< another offset: the primary is damaged, this is a backup
  std::string primary_failure;                     ///< what is wrong with the primary, if it is

  bool has_compat(std::uint32_t feature) const { return (feature_compat & feature) != 0; }
  bool has_incompat(std::uint32_t feature) const { return (feature_incompat & feature) != 0; }
  bool has_ro_compat(std::uint32_t feature) const { return (feature_ro_compat & feature) != 0; }

  bool metadata_has_checksums() const { return has_ro_compat(ro_compat::metadata_csum); }
  /// The journal holds changes that have not reached their places.
  bool needs_recovery() const { return has_incompat(incompat::recover); }
  /// "ext2", "ext3" or "ext4", decided by features as blkid does.
  const char* type() const;
  /// Whether the group begins with a copy of the superblock.
  bool group_has_superblock(GroupNumber group) const;
  /// Code::corrupt unless `count` blocks from `first` on lie inside the filesystem.
  Result<void> check_blocks(BlockNumber first, std::uint64_t count) const;
};

/// One superblock, wherever it was read from; `device_size` in bytes.
Result<Layout> parse_superblock(Bytes superblock, std::uint64_t device_size);

/// The device's superblock, or its first backup when the primary is there but damaged.
Result<Layout> read_layout(BlockReader& device);

} // namespace pvboot::fs::ext
