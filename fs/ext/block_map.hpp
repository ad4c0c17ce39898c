// Where a file's blocks lie on disk: the seam between the two ways in which ext filesystems say it, extents and
// block pointers.
#pragma once

#include "fs/ext/volume.hpp"

#include <memory>

namespace pvboot::fs::ext {

/// Neighbouring blocks of a file that lie side by side on disk, or in one hole.
struct Mapping {
  bool on_disk = false;    ///< false: a hole, or space that was never written; it reads as zeroes
  BlockNumber block;       ///< on_disk: where the block that was asked for lies
  std::uint64_t count = 0; ///< blocks; at least 1
};

class BlockMap {
public:
  /// A file of more blocks cannot be.
  static constexpr std::uint64_t max_blocks = std::uint64_t{1} << 32;

  virtual ~BlockMap() = default;

  /// Where `block`, less than max_blocks, lies, and how many that follow lie behind it, as far as one look tells.
  virtual Result<Mapping> find(FileBlock block) = 0;

  /// The map that the inode uses; it borrows the volume.
  static std::unique_ptr<BlockMap> of(Volume& volume, const Inode& inode);
};

} // namespace pvboot::fs::ext
