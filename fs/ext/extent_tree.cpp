#include "fs/ext/extent_tree.hpp"

#include "base/text.hpp"
#include "fs/checksum.hpp"

#include <algorithm>

namespace pvboot::fs::ext {

namespace {

constexpr std::size_t entry_size = sizeof(Extent);

/// An entry of a node whose entry count has been checked against its size.
template <typename T> T entry_at(Bytes node, unsigned index) {
  T entry;
  std::memcpy(&entry, node.data() + sizeof(ExtentHeader) + index * entry_size, sizeof entry);
  return entry;
}

std::uint64_t length_of(const Extent& extent) {
  const std::uint16_t length = extent.length.get();
  return length > max_written_length ? length - max_written_length : length;
}

bool is_written(const Extent& extent) { return extent.length.get() <= max_written_length; }

BlockNumber start_of(const Extent& extent) {
  return {extent.start_lo.get() | std::uint64_t{extent.start_hi.get()} << 32};
}

} // namespace

ExtentTree::ExtentTree(Volume& volume, const Inode& inode)
    : volume_(volume), root_(inode.block), checksum_seed_(inode.checksum_seed) {}

Extent ExtentTree::extent(unsigned index) const { return entry_at<Extent>(node_, index); }
ExtentIndex ExtentTree::index_entry(unsigned index) const { return entry_at<ExtentIndex>(node_, index); }

Result<Mapping> ExtentTree::find(FileBlock block) {
  if (!leaf_.contains(block))
    TRY(load_leaf(block));
  // The last extent that begins at or before the block.
  unsigned low = 0;
  unsigned high = leaf_entries_;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (extent(middle).first.get() <= block.value)
      low = middle + 1;
    else
      high = middle;
  }
  if (low > 0) {
    const Extent found = extent(low - 1);
    const std::uint64_t inside = block.value - found.first.get();
    if (const std::uint64_t length = length_of(found); inside < length)
      return Mapping{is_written(found), start_of(found) + inside, length - inside};
  }
  const std::uint64_t hole_end = low < leaf_entries_ ? extent(low).first.get() : leaf_.end;
  return Mapping{false, {}, hole_end - block.value};
}

Result<void> ExtentTree::load_leaf(FileBlock block) {
  leaf_ = {};
  node_.assign(root_.begin(), root_.end());
  Range range{0, max_blocks};
  std::string place = "extent root";
  unsigned depth = TRY_AT(check_node(range), place);
  if (depth > max_extent_depth)
    return fail(Code::corrupt, "the extent tree is too deep", place);
  while (depth > 0) {
    const unsigned entries = TRY(read_as<ExtentHeader>(node_)).entries.get();
    if (index_entry(0).first.get() > block.value) {
      // Before the first child there is a hole.
      leaf_ = {range.first, index_entry(0).first.get()};
      leaf_entries_ = 0;
      return {};
    }
    const Child child = child_for(block, entries, range);
    place = "extent block " + dec(child.block.value);
    TRY_AT(load_node(child.block), place);
    range = child.range;
    if (TRY_AT(check_node(range), place) != depth - 1)
      return fail(Code::corrupt, "depth does not follow its parent's", place);
    --depth;
  }
  leaf_entries_ = TRY(read_as<ExtentHeader>(node_)).entries.get();
  leaf_ = range;
  return {};
}

Result<void> ExtentTree::load_node(BlockNumber at) {
  node_.resize(volume_.layout().block_size);
  TRY(volume_.read_block(at, node_));
  const auto header = TRY(read_as<ExtentHeader>(node_));
  return check_checksum(header.max.get());
}

ExtentTree::Child ExtentTree::child_for(FileBlock block, unsigned entries, Range range) const {
  unsigned low = 1;
  unsigned high = entries;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (index_entry(middle).first.get() <= block.value)
      low = middle + 1;
    else
      high = middle;
  }
  const ExtentIndex entry = index_entry(low - 1);
  const std::uint64_t end = low < entries ? index_entry(low).first.get() : range.end;
  return {{entry.child_lo.get() | std::uint64_t{entry.child_hi.get()} << 32}, {entry.first.get(), end}};
}

Result<void> ExtentTree::check_checksum(unsigned max_entries) const {
  if (!volume_.layout().metadata_has_checksums())
    return {};
  const std::size_t covered = sizeof(ExtentHeader) + max_entries * entry_size;
  const auto stored = read_as<le32>(node_, covered);
  if (!stored || crc32c_update(checksum_seed_, Bytes(node_).first(covered)) != stored->get())
    return fail(Code::corrupt, "checksum mismatch");
  return {};
}

Result<unsigned> ExtentTree::check_node(Range range) const {
  const auto header = TRY(read_as<ExtentHeader>(node_));
  if (header.magic.get() != extent_magic)
    return fail(Code::corrupt, "no extent magic");
  const unsigned entries = header.entries.get();
  if (entries > header.max.get() || header.max.get() > (node_.size() - sizeof(ExtentHeader)) / entry_size)
    return fail(Code::corrupt, "more entries than fit");
  const unsigned depth = header.depth.get();
  if (depth > 0 && entries == 0)
    return fail(Code::corrupt, "an inner node without entries");
  TRY(check_entries(depth, entries, range));
  return depth;
}

Result<void> ExtentTree::check_entries(unsigned depth, unsigned entries, Range range) const {
  std::uint64_t next = range.first;
  for (unsigned i = 0; i < entries; ++i) {
    std::uint64_t first;
    std::uint64_t length = 1;
    if (depth > 0) {
      first = index_entry(i).first.get();
    } else {
      const Extent entry = extent(i);
      first = entry.first.get();
      length = length_of(entry);
      if (length == 0)
        return fail(Code::corrupt, "an empty extent");
      TRY(volume_.layout().check_blocks(start_of(entry), length));
    }
    if (first < next || first + length > range.end)
      return fail(Code::corrupt, "extents out of order or out of range");
    next = first + length;
  }
  return {};
}

} // namespace pvboot::fs::ext
