#include "fs/ext/block_map.hpp"

#include "fs/ext/extent_tree.hpp"
#include "fs/ext/pointer_tree.hpp"

namespace pvboot::fs::ext {

std::unique_ptr<BlockMap> BlockMap::of(Volume& volume, const Inode& inode) {
  if (inode.has(inode_flag::extents))
    return std::make_unique<ExtentTree>(volume, inode);
  return std::make_unique<PointerTree>(volume, inode);
}

} // namespace pvboot::fs::ext
