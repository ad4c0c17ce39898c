// A BlockSource over bytes in memory: a file inside a guest disk, a decoded volume, a test's image.
//
// Requests complete at the next pump(), in order.
#pragma once

#include "base/block_source.hpp"

namespace pvboot {

class MemorySource final : public BlockSource {
public:
  /// `bytes` must outlive the source; a tail shorter than block_size is not reachable.
  MemorySource(MutBytes bytes, std::string_view name, std::uint32_t block_size = 512, bool writable = false);

  BlockGeometry geometry() const override { return shape_; }
  Result<bool> submit(BlockRequest& request) override;
  void pump(Duration limit) override;
  std::string_view name() const override { return name_; }

private:
  MutBytes bytes_;
  BlockGeometry shape_;
  std::string name_;
  BlockRequest* first_ = nullptr;
  BlockRequest* last_ = nullptr;
};

} // namespace pvboot
