#include "fs/ext/volume.hpp"

#include "base/text.hpp"
#include "fs/checksum.hpp"

namespace pvboot::fs::ext {

namespace {

std::uint32_t crc32c_of(std::uint32_t seed, std::uint32_t number) {
  const le32 field(number);
  return crc32c_update(seed, std::as_bytes(std::span(&field, 1)));
}

/// CRC-32C over `bytes` as if the 16-bit field at `hole` were zero.
std::uint32_t crc32c_without(std::uint32_t crc, Bytes bytes, std::size_t hole) {
  constexpr std::byte zeroes[2] = {};
  crc = crc32c_update(crc, bytes.first(hole));
  crc = crc32c_update(crc, zeroes);
  return crc32c_update(crc, bytes.subspan(hole + sizeof zeroes));
}

/// Whether the inode's fixed fields reach to `end`.
bool reaches(const RawInode& raw, std::size_t inode_size, std::size_t end) {
  return inode_size > small_inode_size && small_inode_size + raw.extra_size.get() >= end;
}

std::int64_t mtime_of(const RawInode& raw, std::size_t inode_size) {
  std::int64_t seconds = static_cast<std::int32_t>(raw.mtime.get());
  // The two low bits of the extra field count how often 32 bits have run over.
  if (reaches(raw, inode_size, offsetof(RawInode, mtime_extra) + 4))
    seconds += std::int64_t{raw.mtime_extra.get() & 3} << 32;
  return seconds;
}

} // namespace

Result<std::unique_ptr<Volume>> Volume::open(BlockSource& device) {
  std::unique_ptr<Volume> volume(new Volume(device));
  volume->layout_ = TRY(read_layout(volume->device_));
  return volume;
}

Result<void> Volume::read_block(BlockNumber block, MutBytes out) {
  TRY(layout_.check_blocks(block, 1));
  return device_.read(byte_offset(block), out);
}

std::uint64_t Volume::descriptor_offset(GroupNumber group) const {
  const std::uint64_t per_block = layout_.block_size / layout_.descriptor_size;
  const std::uint64_t nth = group.value / per_block;
  const std::uint64_t inside = group.value % per_block * layout_.descriptor_size;
  std::uint64_t block;
  if (!layout_.has_incompat(incompat::meta_bg) || nth < layout_.first_meta_group) {
    block = superblock_offset / layout_.block_size + 1 + nth;
  } else {
    const GroupNumber home{nth * per_block};
    block = layout_.first_data_block + home.value * layout_.blocks_per_group;
    if (layout_.group_has_superblock(home))
      ++block;
    // With blocks of 1 KiB the superblock is block 1 even where the first group begins at block 0.
    if (home.value == 0 && layout_.block_size == superblock_offset && layout_.first_data_block == 0)
      ++block;
  }
  return block * layout_.block_size + inside;
}

Result<GroupDescriptor> Volume::read_group(GroupNumber group) {
  std::byte bytes[1024] = {}; // the largest descriptor
  const MutBytes whole(bytes, layout_.descriptor_size);
  TRY(device_.read(descriptor_offset(group), whole));
  TRY(check_group(group, whole));
  return read_as<GroupDescriptor>(bytes);
}

Result<void> Volume::check_group(GroupNumber group, Bytes descriptor) const {
  constexpr std::size_t field = offsetof(GroupDescriptor, checksum);
  const std::uint16_t stored = TRY(read_as<le16>(descriptor, field)).get();
  std::uint16_t actual = stored;
  const le32 number(static_cast<std::uint32_t>(group.value));
  if (layout_.metadata_has_checksums()) {
    const std::uint32_t crc = crc32c_of(layout_.checksum_seed, number.get());
    actual = static_cast<std::uint16_t>(crc32c_without(crc, descriptor, field));
  } else if (layout_.has_ro_compat(ro_compat::gdt_csum)) {
    std::uint16_t crc = crc16_update(0xffff, layout_.uuid.bytes);
    crc = crc16_update(crc, std::as_bytes(std::span(&number, 1)));
    crc = crc16_update(crc, descriptor.first(field));
    actual = crc16_update(crc, descriptor.subspan(field + 2));
  }
  if (actual != stored)
    return fail(Code::corrupt, "descriptor checksum mismatch");
  return {};
}

Result<Inode> Volume::read_inode(InodeNumber number) {
  const std::string place = "inode " + dec(number.value);
  if (number.value == 0 || number.value > layout_.inodes)
    return fail(Code::corrupt, "no such inode number", place);
  const GroupNumber group{(number.value - 1) / layout_.inodes_per_group};
  const std::uint64_t index = (number.value - 1) % layout_.inodes_per_group;
  const std::string group_place = "group " + dec(group.value);
  const GroupDescriptor descriptor = TRY_AT(read_group(group), group_place);
  BlockNumber table{descriptor.inode_table_lo.get()};
  if (layout_.descriptor_size > small_descriptor_size)
    table.value |= std::uint64_t{descriptor.inode_table_hi.get()} << 32;
  const std::uint64_t table_bytes = std::uint64_t{layout_.inodes_per_group} * layout_.inode_size;
  TRY_AT(layout_.check_blocks(table, (table_bytes - 1) / layout_.block_size + 1), group_place + ": inode table");

  std::vector<std::byte> bytes(layout_.inode_size);
  TRY_AT(device_.read(byte_offset(table) + index * layout_.inode_size, bytes), place);
  return TRY_AT(decode(number, bytes), place);
}

Result<Inode> Volume::decode(InodeNumber number, Bytes bytes) const {
  RawInode raw;
  std::memcpy(&raw, bytes.data(), std::min(bytes.size(), sizeof raw));
  Inode inode;
  inode.number = number;
  inode.checksum_seed =
      crc32c_of(crc32c_of(layout_.checksum_seed, static_cast<std::uint32_t>(number.value)), raw.generation.get());
  TRY(check_inode(bytes, raw, inode.checksum_seed));
  if (raw.links.get() == 0)
    return fail(Code::corrupt, "the inode is not in use");
  inode.mode = raw.mode.get();
  inode.flags = raw.flags.get();
  inode.size = raw.size_lo.get();
  if (inode.is_regular() || (inode.is_directory() && layout_.has_incompat(incompat::largedir)))
    inode.size |= std::uint64_t{raw.size_hi.get()} << 32;
  inode.mtime = mtime_of(raw, bytes.size());
  inode.block = raw.block;
  if (inode.has(inode_flag::inline_data) && bytes.size() > small_inode_size) {
    const Bytes rest = bytes.subspan(small_inode_size);
    if (raw.extra_size.get() > rest.size())
      return fail(Code::corrupt, "the inode's fields reach past its end");
    inode.attributes.assign(rest.begin() + raw.extra_size.get(), rest.end());
  }
  return inode;
}

Result<void> Volume::check_inode(Bytes bytes, const RawInode& raw, std::uint32_t seed) const {
  if (!layout_.metadata_has_checksums())
    return {};
  constexpr std::size_t low = offsetof(RawInode, checksum_lo);
  constexpr std::size_t high = offsetof(RawInode, checksum_hi);
  std::uint32_t actual = crc32c_without(seed, bytes.first(small_inode_size), low);
  std::uint32_t stored = raw.checksum_lo.get();
  const Bytes rest = bytes.subspan(small_inode_size);
  if (reaches(raw, bytes.size(), high + 2)) {
    actual = crc32c_without(actual, rest, high - small_inode_size);
    stored |= std::uint32_t{raw.checksum_hi.get()} << 16;
  } else {
    actual = crc32c_update(actual, rest) & 0xffff;
  }
  if (actual != stored)
    return fail(Code::corrupt, "checksum mismatch");
  return {};
}

} // namespace pvboot::fs::ext
