// A BlockSource over bytes in memory: a file inside a guest disk, a decoded volume, a test's image.
#pragma once

#include "base/immediate_source.hpp"

namespace pvboot {

class MemorySource final : public ImmediateSource {
public:
  /// `bytes` must outlive the source.
  MemorySource(MutBytes bytes, std::string_view name, std::uint32_t block_size = 512, bool writable = false)
      : ImmediateSource(bytes.size(), name, block_size, writable), bytes_(bytes) {}

private:
  BlockStatus transfer(BlockOp op, std::uint64_t offset, MutBytes segment) override;

  MutBytes bytes_;
};

} // namespace pvboot
