// A BlockSource whose device answers at once: requests queue up and complete, in order, at the next pump().
//
// What a device of this kind adds is transfer(): one segment, one direction.
#pragma once

#include "base/block_source.hpp"

#include <string>

namespace pvboot {

class ImmediateSource : public BlockSource {
public:
  BlockGeometry geometry() const override { return shape_; }
  Result<bool> submit(BlockRequest& request) override;
  void pump(Duration limit) override;
  std::string_view name() const override { return name_; }

protected:
  /// `size` is rounded down to whole blocks: a shorter tail is not reachable, as on a real vbd.
  ImmediateSource(std::uint64_t size, std::string_view name, std::uint32_t block_size, bool writable);

  /// `offset` and the segment's length have been checked against the geometry.
  virtual BlockStatus transfer(BlockOp op, std::uint64_t offset, MutBytes segment) = 0;

private:
  BlockStatus carry_out(const BlockRequest& request);

  BlockGeometry shape_;
  std::string name_;
  BlockRequest* first_ = nullptr;
  BlockRequest* last_ = nullptr;
};

} // namespace pvboot
