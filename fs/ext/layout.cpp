#include "fs/ext/layout.hpp"

#include "base/text.hpp"
#include "fs/checksum.hpp"

#include <bit>

namespace pvboot::fs::ext {

namespace {

constexpr std::uint32_t max_log_block_size = 6;
constexpr std::uint32_t supported_incompat = incompat::filetype | incompat::recover | incompat::meta_bg |
                                             incompat::extents | incompat::bit64 | incompat::mmp | incompat::flex_bg |
                                             incompat::ea_inode | incompat::csum_seed | incompat::largedir |
                                             incompat::inline_data | incompat::encrypt | incompat::casefold;

std::string incompat_name(std::uint32_t feature) {
  switch (feature) {
  case incompat::compression: return "feature compression";
  case incompat::dirdata: return "feature dirdata";
  default: return "incompatible feature " + hex(feature);
  }
}

Result<void> check_features(const Superblock& raw) {
  const std::uint32_t features = raw.feature_incompat.get();
  if ((features & incompat::journal_dev) != 0)
    return fail(Code::unsupported, "this is the external journal of another filesystem");
  if (const std::uint32_t unknown = features & ~supported_incompat; unknown != 0)
    return fail(Code::unsupported, "not supported", incompat_name(unknown & -unknown));
  return {};
}

Result<void> check_checksum(Bytes superblock, const Superblock& raw) {
  if ((raw.feature_ro_compat.get() & ro_compat::metadata_csum) == 0)
    return {};
  if (raw.checksum_type != checksum_type_crc32c)
    return fail(Code::unsupported, "unknown type of checksum");
  if (crc32c_update(~std::uint32_t{0}, superblock.first(offsetof(Superblock, checksum))) != raw.checksum.get())
    return fail(Code::corrupt, "checksum mismatch");
  return {};
}

Result<std::uint32_t> inode_size_of(const Superblock& raw, std::uint32_t block_size) {
  if (raw.revision.get() == 0)
    return small_inode_size;
  const std::uint32_t size = raw.inode_size.get();
  if (size < small_inode_size || size > block_size || !std::has_single_bit(size))
    return fail(Code::corrupt, "impossible inode size");
  return size;
}

Result<std::uint32_t> descriptor_size_of(const Superblock& raw) {
  if ((raw.feature_incompat.get() & incompat::bit64) == 0)
    return small_descriptor_size;
  const std::uint32_t size = raw.desc_size.get();
  if (size < sizeof(GroupDescriptor) || size > 1024 || !std::has_single_bit(size))
    return fail(Code::corrupt, "impossible size of a group descriptor");
  return size;
}

Result<void> check_numbers(const Layout& layout, const Superblock& raw, std::uint64_t device_size) {
  if (layout.blocks <= layout.first_data_block)
    return fail(Code::corrupt, "a filesystem without blocks");
  if (layout.blocks > device_size / layout.block_size)
    return fail(Code::corrupt, "the filesystem is larger than its device");
  if (layout.first_data_block > 1 || (layout.first_data_block == 1 && layout.block_size != 1024))
    return fail(Code::corrupt, "impossible first data block");
  // Each group's bitmaps fill one block; with bigalloc a bit stands for a cluster.
  const std::uint64_t bits = std::uint64_t{8} * layout.block_size;
  std::uint64_t max_group = bits;
  if (layout.has_ro_compat(ro_compat::bigalloc)) {
    const std::uint32_t log_cluster = raw.log_cluster_size.get();
    if (log_cluster < raw.log_block_size.get() || log_cluster > 24)
      return fail(Code::corrupt, "impossible cluster size");
    max_group <<= log_cluster - raw.log_block_size.get();
  }
  if (layout.blocks_per_group == 0 || layout.blocks_per_group > max_group)
    return fail(Code::corrupt, "impossible number of blocks in a group");
  if (layout.inodes_per_group == 0 || layout.inodes_per_group > bits)
    return fail(Code::corrupt, "impossible number of inodes in a group");
  return {};
}

std::string label_of(const Superblock& raw) {
  std::string_view label(raw.label, sizeof raw.label);
  return std::string(label.substr(0, label.find('\0')));
}

/// A backup that can stand in for the primary: group 1's, for each block size there is.
Result<Layout> read_backup(BlockReader& device) {
  for (std::uint32_t log = 0; log <= max_log_block_size; ++log) {
    const std::uint64_t block_size = std::uint64_t{1024} << log;
    const std::uint64_t offset = (8 * block_size + (log == 0 ? 1 : 0)) * block_size;
    if (offset + superblock_size > device.size())
      break;
    std::byte bytes[superblock_size];
    TRY(device.read(offset, bytes));
    const auto raw = TRY(read_as<Superblock>(bytes));
    if (raw.magic.get() != superblock_magic || raw.log_block_size.get() != log || raw.block_group.get() != 1)
      continue;
    if (auto layout = parse_superblock(bytes, device.size())) {
      layout->superblock_at = offset;
      return layout;
    }
  }
  return fail(Code::not_found, "no backup superblock");
}

} // namespace

const char* Layout::type() const {
  constexpr std::uint32_t old_incompat = incompat::filetype | incompat::meta_bg;
  constexpr std::uint32_t old_ro_compat = ro_compat::sparse_super | ro_compat::large_file | ro_compat::btree_dir;
  if ((feature_incompat & ~(old_incompat | incompat::recover)) != 0 || (feature_ro_compat & ~old_ro_compat) != 0)
    return "ext4";
  return has_compat(compat::has_journal) ? "ext3" : "ext2";
}

bool Layout::group_has_superblock(GroupNumber group) const {
  const std::uint64_t number = group.value;
  if (number == 0)
    return true;
  if (has_compat(compat::sparse_super2))
    return number == backup_groups[0] || number == backup_groups[1];
  if (number == 1 || !has_ro_compat(ro_compat::sparse_super))
    return true;
  for (const std::uint64_t base : {3, 5, 7}) {
    std::uint64_t power = base;
    while (power < number)
      power *= base;
    if (power == number)
      return true;
  }
  return false;
}

Result<void> Layout::check_blocks(BlockNumber first, std::uint64_t count) const {
  if (first.value <= first_data_block || first.value >= blocks || count > blocks - first.value)
    return fail(Code::corrupt, "block number outside the filesystem");
  return {};
}

Result<Layout> parse_superblock(Bytes superblock, std::uint64_t device_size) {
  const auto raw = TRY(read_as<Superblock>(superblock));
  if (raw.magic.get() != superblock_magic)
    return fail(Code::not_found, "no superblock");
  TRY(check_checksum(superblock, raw));
  if (raw.revision.get() > 1)
    return fail(Code::unsupported, "unknown revision");
  if (raw.revision.get() == 1)
    TRY(check_features(raw));
  if (raw.log_block_size.get() > max_log_block_size)
    return fail(Code::corrupt, "impossible block size");

  Layout layout;
  layout.block_size = std::uint32_t{1024} << raw.log_block_size.get();
  if (raw.revision.get() == 1) {
    layout.feature_compat = raw.feature_compat.get();
    layout.feature_incompat = raw.feature_incompat.get();
    layout.feature_ro_compat = raw.feature_ro_compat.get();
  }
  layout.blocks = raw.blocks_count_lo.get();
  if (layout.has_incompat(incompat::bit64))
    layout.blocks |= std::uint64_t{raw.blocks_count_hi.get()} << 32;
  layout.first_data_block = raw.first_data_block.get();
  layout.blocks_per_group = raw.blocks_per_group.get();
  layout.inodes = raw.inodes_count.get();
  layout.inodes_per_group = raw.inodes_per_group.get();
  layout.inode_size = TRY(inode_size_of(raw, layout.block_size));
  layout.descriptor_size = TRY(descriptor_size_of(raw));
  layout.first_meta_group = raw.first_meta_bg.get();
  layout.backup_groups[0] = raw.backup_groups[0].get();
  layout.backup_groups[1] = raw.backup_groups[1].get();
  layout.uuid.bytes = raw.uuid;
  layout.label = label_of(raw);
  TRY(check_numbers(layout, raw, device_size));
  layout.groups = (layout.blocks - layout.first_data_block - 1) / layout.blocks_per_group + 1;
  if (layout.inodes > layout.groups * layout.inodes_per_group)
    return fail(Code::corrupt, "more inodes than the groups hold");
  layout.checksum_seed = layout.has_incompat(incompat::csum_seed) ? raw.checksum_seed.get()
                                                                  : crc32c_update(~std::uint32_t{0}, layout.uuid.bytes);
  return layout;
}

Result<Layout> read_layout(BlockReader& device) {
  if (device.size() < superblock_offset + superblock_size)
    return fail(Code::not_found, "no superblock");
  std::byte bytes[superblock_size];
  TRY_AT(device.read(superblock_offset, bytes), "superblock");
  auto primary = parse_superblock(bytes, device.size());
  if (primary || primary.error().code() != Code::corrupt)
    return primary;
  auto backup = read_backup(device);
  if (!backup)
    return std::unexpected(std::move(primary).error().at("superblock"));
  backup->primary_failure = primary.error().text();
  return backup;
}

} // namespace pvboot::fs::ext
