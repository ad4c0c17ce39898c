// The ext4 extent tree: which disk blocks hold a range of a file.
//
// The root is in the inode, each other node is one block with a 12-byte header; an entry of an inner node leads to
// the node for its range. Every node is checked before use: magic, depth one less than its parent's (at most 5),
// entry count within the node, entries in order and inside the parent's range, and the checksum where the
// filesystem has them. So a walk ends after at most 5 blocks, and no two leaves speak of the same file block.
//
// The last leaf is kept, so that going through a file reads each leaf once.
//
// Fails with Code::corrupt (what is wrong, and in which block) or with the device's code. [ext4: ifork]
#pragma once

#include "fs/ext/block_map.hpp"

namespace pvboot::fs::ext {

class ExtentTree final : public BlockMap {
public:
  ExtentTree(Volume& volume, const Inode& inode);

  Result<Mapping> find(FileBlock block) override;

private:
  /// File blocks from `first` up to, not including, `end`.
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    bool contains(FileBlock block) const { return block.value >= first && block.value < end; }
  };
  struct Child {
    BlockNumber block;
    Range range;
  };

  Result<void> load_leaf(FileBlock block);
  Result<void> load_node(BlockNumber at);
  Result<unsigned> check_node(Range range) const;
  Result<void> check_entries(unsigned depth, unsigned entries, Range range) const;
  Result<void> check_checksum(unsigned max_entries) const;
  Child child_for(FileBlock block, unsigned entries, Range range) const;
  Extent extent(unsigned index) const;
  ExtentIndex index_entry(unsigned index) const;

  Volume& volume_;
  std::array<std::byte, block_area_size> root_;
  std::uint32_t checksum_seed_;
  std::vector<std::byte> node_; ///< the leaf that was used last
  Range leaf_;                  ///< what node_ speaks of; empty: nothing is loaded
  unsigned leaf_entries_ = 0;
};

} // namespace pvboot::fs::ext
