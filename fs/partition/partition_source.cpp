#include "fs/partition/partition_source.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"

namespace pvboot::fs {

namespace {

std::string partition_name(std::string_view disk, unsigned number) {
  std::string out(disk);
  if (!out.empty() && out.back() >= '0' && out.back() <= '9')
    out += 'p';
  return out + dec(number);
}

} // namespace

Result<std::unique_ptr<PartitionSource>> PartitionSource::create(BlockSource& disk, const Partition& partition) {
  std::string name = partition_name(disk.name(), partition.number);
  BlockGeometry shape = disk.geometry();
  if (partition.start > shape.size || partition.length > shape.size - partition.start)
    return fail(Code::corrupt, "the partition reaches past the end of the disk", name);
  if (partition.start % shape.block_size != 0)
    return fail(Code::unsupported, "the partition does not begin on a block of the disk", name);
  shape.size = align_down<std::uint64_t>(partition.length, shape.block_size);
  return std::unique_ptr<PartitionSource>(new PartitionSource(disk, partition.start, shape, std::move(name)));
}

Result<bool> PartitionSource::submit(BlockRequest& request) {
  TRY(check(request));
  const std::uint64_t own_offset = request.offset;
  request.offset = own_offset + start_;
  auto taken = disk_.submit(request);
  // A request that was not taken goes back to its owner as it came, to be submitted again.
  if (!taken || !*taken)
    request.offset = own_offset;
  return taken;
}

} // namespace pvboot::fs
