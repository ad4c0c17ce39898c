// Reading metadata: small, synchronous, cached reads of any offset and length over a BlockSource.
//
// The cache holds `lines` lines of `line_size` bytes, least recently used out first; a miss reads a whole line,
// so that neighbouring inodes, directory blocks and extent nodes come with one request. A line whose device read
// failed is not kept. A line that a device may still write to (BlockRequest::quarantined) is leaked, never reused.
//
// Bulk data does not go through here: see base/bulk_read.hpp.
#pragma once

#include "base/block_source.hpp"

#include <memory>
#include <vector>

namespace pvboot {

class BlockReader {
public:
  static constexpr std::size_t line_size = 16384;
  static constexpr std::size_t default_lines = 16;

  explicit BlockReader(BlockSource& source, std::size_t lines = default_lines);
  ~BlockReader();
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;

  BlockSource& source() const { return source_; }
  std::uint64_t size() const { return size_; } ///< bytes

  /// Fills `out` from `offset` (bytes; any alignment). Code::corrupt past the end of the source.
  Result<void> read(std::uint64_t offset, MutBytes out);

  /// A struct of endian fields at `offset`.
  template <typename T> Result<T> read_as(std::uint64_t offset) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1, "read structs of endian fields");
    T value;
    TRY(read(offset, std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }

private:
  struct Line;
  Result<Line*> line_at(std::uint64_t start);

  BlockSource& source_;
  std::uint64_t size_;
  std::uint64_t clock_ = 0;
  std::vector<std::unique_ptr<Line>> lines_;
};

} // namespace pvboot
