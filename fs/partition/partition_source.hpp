// A partition as a BlockSource of its own: the disk's requests, moved and kept inside the partition.
//
// Nothing is copied or wrapped: a request's offset is rewritten on its way down and its completion goes straight to
// whoever submitted it. The disk must outlive its partitions.
#pragma once

#include "fs/partition/partition_table.hpp"

namespace pvboot::fs {

class PartitionSource final : public BlockSource {
public:
  /// Code::unsupported when the partition does not begin on one of the disk's blocks. A tail shorter than a block
  /// is not reachable.
  static Result<std::unique_ptr<PartitionSource>> create(BlockSource& disk, const Partition& partition);

  BlockGeometry geometry() const override { return shape_; }
  Result<bool> submit(BlockRequest& request) override;
  void pump(Duration limit) override { disk_.pump(limit); }

  /// As Linux names it: "xvda1"; "nvme0n1p1" on a disk whose name ends in a digit.
  std::string_view name() const override { return name_; }

private:
  PartitionSource(BlockSource& disk, std::uint64_t start, BlockGeometry shape, std::string name)
      : disk_(disk), start_(start), shape_(shape), name_(std::move(name)) {}

  BlockSource& disk_;
  std::uint64_t start_;
  BlockGeometry shape_;
  std::string name_;
};

} // namespace pvboot::fs
