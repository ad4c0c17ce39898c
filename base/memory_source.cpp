#include "base/memory_source.hpp"

namespace pvboot {

BlockStatus MemorySource::transfer(BlockOp op, std::uint64_t offset, MutBytes segment) {
  std::byte* at = bytes_.data() + offset;
  if (op == BlockOp::read)
    std::memcpy(segment.data(), at, segment.size());
  else
    std::memcpy(at, segment.data(), segment.size());
  return BlockStatus::ok;
}

} // namespace pvboot
