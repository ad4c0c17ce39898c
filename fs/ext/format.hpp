// What ext2, ext3 and ext4 write on disk: structs of endian fields, flags and magic numbers.
//
// All little endian. Only what reading needs has a name; the rest is padding. Nothing here checks anything.
//
// [Linux: Documentation/filesystems/ext4/: super, group_descr, inodes, ifork, directory, attributes]
#pragma once

#include "base/bytes.hpp"
#include "base/units.hpp"

#include <array>

namespace pvboot::fs::ext {

using InodeNumber = Number<struct InodeTag>;      ///< from 1
using BlockNumber = Number<struct DiskBlockTag>;  ///< in filesystem blocks from the start of the device
using FileBlock = Number<struct FileBlockTag>;    ///< in filesystem blocks from the start of a file
using GroupNumber = Number<struct BlockGroupTag>; ///< from 0

constexpr InodeNumber root_inode{2};

constexpr std::uint64_t superblock_offset = 1024;
constexpr std::size_t superblock_size = 1024;
constexpr std::uint16_t superblock_magic = 0xef53;

struct Superblock {
  le32 inodes_count;
  le32 blocks_count_lo;
  u8 pad_8[12] = {};
  le32 first_data_block;
  le32 log_block_size; ///< 1024 << this
  le32 log_cluster_size;
  le32 blocks_per_group;
  le32 clusters_per_group;
  le32 inodes_per_group;
  u8 pad_2c[12] = {};
  le16 magic;
  le16 state;
  u8 pad_3c[16] = {};
  le32 revision;
  u8 pad_50[4] = {};
  le32 first_inode;
  le16 inode_size;
  le16 block_group; ///< of this copy
  le32 feature_compat;
  le32 feature_incompat;
  le32 feature_ro_compat;
  std::array<std::byte, 16> uuid{};
  char label[16] = {};
  u8 pad_88[118] = {};
  le16 desc_size;
  u8 pad_100[4] = {};
  le32 first_meta_bg;
  u8 pad_108[72] = {};
  le32 blocks_count_hi;
  u8 pad_154[33] = {};
  u8 checksum_type = 0;
  u8 pad_176[214] = {};
  le32 backup_groups[2];
  u8 pad_254[28] = {};
  le32 checksum_seed;
  u8 pad_274[392] = {};
  le32 checksum; ///< of everything before it
};
static_assert(sizeof(Superblock) == superblock_size && alignof(Superblock) == 1);
static_assert(offsetof(Superblock, magic) == 0x38 && offsetof(Superblock, revision) == 0x4c);
static_assert(offsetof(Superblock, first_inode) == 0x54 && offsetof(Superblock, uuid) == 0x68);
static_assert(offsetof(Superblock, desc_size) == 0xfe && offsetof(Superblock, first_meta_bg) == 0x104);
static_assert(offsetof(Superblock, blocks_count_hi) == 0x150 && offsetof(Superblock, checksum_type) == 0x175);
static_assert(offsetof(Superblock, backup_groups) == 0x24c && offsetof(Superblock, checksum_seed) == 0x270);
static_assert(offsetof(Superblock, checksum) == 0x3fc);

namespace compat {
constexpr std::uint32_t has_journal = 0x4, sparse_super2 = 0x200;
}
namespace incompat {
constexpr std::uint32_t compression = 0x1, filetype = 0x2, recover = 0x4, journal_dev = 0x8, meta_bg = 0x10,
                        extents = 0x40, bit64 = 0x80, mmp = 0x100, flex_bg = 0x200, ea_inode = 0x400, dirdata = 0x1000,
                        csum_seed = 0x2000, largedir = 0x4000, inline_data = 0x8000, encrypt = 0x10000,
                        casefold = 0x20000;
}
namespace ro_compat {
constexpr std::uint32_t sparse_super = 0x1, large_file = 0x2, btree_dir = 0x4, gdt_csum = 0x10, bigalloc = 0x200,
                        metadata_csum = 0x400;
}

constexpr std::uint8_t checksum_type_crc32c = 1;

struct GroupDescriptor {
  le32 block_bitmap_lo;
  le32 inode_bitmap_lo;
  le32 inode_table_lo;
  u8 pad_c[18] = {};
  le16 checksum;
  u8 pad_20[8] = {}; ///< from here on only where descriptors have 64 bytes or more
  le32 inode_table_hi;
  u8 pad_2c[20] = {};
};
constexpr std::size_t small_descriptor_size = 32;
static_assert(sizeof(GroupDescriptor) == 64 && offsetof(GroupDescriptor, checksum) == 0x1e);
static_assert(offsetof(GroupDescriptor, inode_table_hi) == 0x28);

constexpr std::size_t block_area_size = 60; ///< the inode's block pointers, extent root, link or inline data

struct RawInode {
  le16 mode;
  le16 uid;
  le32 size_lo;
  u8 pad_8[8] = {};
  le32 mtime;
  le32 dtime;
  le16 gid;
  le16 links;
  le32 blocks_lo;
  le32 flags;
  le32 version;
  std::array<std::byte, block_area_size> block{};
  le32 generation;
  le32 file_acl_lo;
  le32 size_hi;
  u8 pad_70[12] = {};
  le16 checksum_lo;
  u8 pad_7e[2] = {};
  le16 extra_size; ///< from here on only where inodes have more than 128 bytes
  le16 checksum_hi;
  le32 ctime_extra;
  le32 mtime_extra;
};
constexpr std::size_t small_inode_size = 128;
static_assert(sizeof(RawInode) == 0x8c && offsetof(RawInode, block) == 0x28);
static_assert(offsetof(RawInode, generation) == 0x64 && offsetof(RawInode, checksum_lo) == 0x7c);
static_assert(offsetof(RawInode, extra_size) == small_inode_size && offsetof(RawInode, mtime_extra) == 0x88);

namespace mode {
constexpr std::uint16_t type_mask = 0xf000, directory = 0x4000, regular = 0x8000, symlink = 0xa000;
}
namespace inode_flag {
constexpr std::uint32_t encrypted = 0x800, indexed = 0x1000, extents = 0x80000, inline_data = 0x10000000,
                        casefold = 0x40000000;
}

constexpr std::uint16_t extent_magic = 0xf30a;
constexpr unsigned max_extent_depth = 5;

struct ExtentHeader {
  le16 magic;
  le16 entries;
  le16 max;
  le16 depth; ///< 0: a leaf
  le32 generation;
};
struct ExtentIndex {
  le32 first; ///< file block
  le32 child_lo;
  le16 child_hi;
  le16 unused;
};
struct Extent {
  le32 first; ///< file block
  le16 length;
  le16 start_hi;
  le32 start_lo;
};
constexpr std::uint16_t max_written_length = 0x8000; ///< a length above it means: unwritten, and so much less
static_assert(sizeof(ExtentHeader) == 12 && sizeof(ExtentIndex) == 12 && sizeof(Extent) == 12);

struct DirentHeader {
  le32 inode; ///< 0: unused
  le16 record_length;
  u8 name_length = 0;
  u8 file_type = 0; ///< without the feature filetype the high byte of a name length that never needs it
};
static_assert(sizeof(DirentHeader) == 8);

struct DirentTail { ///< ends each directory block where metadata has checksums; looks like an unused entry
  DirentHeader header;
  le32 checksum;
};
constexpr std::uint8_t dirent_tail_type = 0xde;
static_assert(sizeof(DirentTail) == 12);

struct HashCount { ///< where an index block's entries begin
  le16 limit;
  le16 count;
};
struct HashRootInfo {
  le32 reserved_zero;
  u8 hash_version = 0;
  u8 info_length = 0;
  u8 indirect_levels = 0;
  u8 unused_flags = 0;
};
struct HashTail {
  le32 reserved;
  le32 checksum;
};
constexpr std::size_t hash_entry_size = 8;
static_assert(sizeof(HashCount) == 4 && sizeof(HashRootInfo) == 8 && sizeof(HashTail) == 8);

constexpr std::uint32_t attribute_magic = 0xea020000;
constexpr std::uint8_t attribute_index_system = 7;

struct AttributeEntry {
  u8 name_length = 0;
  u8 name_index = 0;
  le16 value_offset; ///< from the first entry
  le32 value_inode;
  le32 value_size;
  le32 hash;
};
static_assert(sizeof(AttributeEntry) == 16);

} // namespace pvboot::fs::ext
