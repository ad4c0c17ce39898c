// Block pointers, as ext2 and ext3 map files: 12 direct ones in the inode, then a single, a double and a triple
// indirect tree. A null pointer is a hole as large as what it would have led to.
//
// The depth is fixed, so a walk ends after at most 3 blocks; each pointer is checked against the filesystem's size.
// The last block of pointers is kept, so that going through a file reads each of them once.
//
// Fails with Code::corrupt, naming the block that holds the pointer, or with the device's code. [ext4: ifork]
#pragma once

#include "fs/ext/block_map.hpp"

namespace pvboot::fs::ext {

class PointerTree final : public BlockMap {
public:
  PointerTree(Volume& volume, const Inode& inode);

  Result<Mapping> find(FileBlock block) override;

private:
  static constexpr unsigned direct_count = 12;
  static constexpr unsigned max_depth = 3;

  Result<Mapping> find_indirect(BlockNumber top, unsigned depth, std::uint64_t inside);
  Result<Mapping> run_in(Bytes pointers, std::uint64_t index) const;
  Result<void> load_leaf(BlockNumber at);
  BlockNumber root_pointer(unsigned index) const;

  Volume& volume_;
  std::array<std::byte, block_area_size> root_;
  std::uint64_t per_block_; ///< pointers in a block
  std::vector<std::byte> leaf_;
  BlockNumber leaf_at_; ///< 0: none is loaded
};

} // namespace pvboot::fs::ext
