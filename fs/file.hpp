// A file inside a filesystem: its size, its bytes, and where they lie.
//
// A File gives *runs*: the longest stretch from an offset on whose bytes come from one place. Bulk readers send the
// disk runs straight from the device into their final memory; small readers call read(). A run of Kind::encoded has
// no bytes that can be taken as they are (compressed or encrypted extents): only read() gives them.
//
// A File keeps what it needs to find its runs and borrows its Filesystem, which must outlive it.
#pragma once

#include "base/block_source.hpp"

#include <cstdint>

namespace pvboot::fs {

struct Run {
  enum class Kind : std::uint8_t { disk, zeroes, inline_bytes, encoded };

  Kind kind = Kind::zeroes;
  std::uint64_t offset = 0;      ///< in the file; the offset that was asked for
  std::uint64_t length = 0;      ///< bytes; at least 1
  BlockSource* source = nullptr; ///< Kind::disk: the device ...
  std::uint64_t disk_offset = 0; ///< ... and the byte on it, as exact as `offset`
  Bytes bytes{};                 ///< Kind::inline_bytes: `length` of them, valid as long as the File
};

class File {
public:
  virtual ~File() = default;

  virtual std::uint64_t size() const = 0; ///< bytes

  /// The run that covers `offset`, which is less than size(). It never reaches past size().
  virtual Result<Run> run_at(std::uint64_t offset) = 0;

  /// Fills `out` from `offset`; offset + out.size() is at most size(), else Code::invalid. Any alignment.
  virtual Result<void> read(std::uint64_t offset, MutBytes out) = 0;
};

} // namespace pvboot::fs
