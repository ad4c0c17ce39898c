// Memory for one decoder, cut from one span that its owner frees whole.
//
// The decoding libraries ask for memory through hooks (zalloc, lzma_allocator, ZSTD_customMem); all of them lead
// here. Blocks are handed out upwards, and one that is given back can be had again once all above it are given back
// too. That is enough for libraries that allocate when a stream begins, and for liblzma, which takes and gives back a
// list of filters with each block. A request that does not fit gets nullptr, which the library reports and the decoder
// turns into Code::out_of_memory.
#pragma once

#include "base/bytes.hpp"

namespace pvboot::codec {

class Arena {
public:
  static constexpr std::size_t alignment = 64;

  explicit Arena(MutBytes memory);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `size` bytes aligned to `alignment`, or nullptr.
  void* allocate(std::size_t size);

  /// `block` came from allocate() or is nullptr.
  void release(void* block);

  std::size_t peak() const { return peak_; } ///< the most bytes that were taken at once

private:
  MutBytes memory_;
  std::size_t used_ = 0;
  std::size_t top_ = 0; ///< offset of the uppermost block, if any is used
  std::size_t peak_ = 0;
};

} // namespace pvboot::codec
