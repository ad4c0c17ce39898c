#include "base/block_source.hpp"

namespace pvboot {

Result<void> as_result(BlockStatus status) {
  switch (status) {
  case BlockStatus::ok: return {};
  case BlockStatus::io_error: return fail(Code::io, "the device reported an error");
  case BlockStatus::unsupported: return fail(Code::unsupported, "the device does not support this request");
  case BlockStatus::timed_out: return fail(Code::timed_out, "the device did not answer in time");
  case BlockStatus::gone: return fail(Code::gone, "the device went away");
  }
  return fail(Code::io, "unknown block status");
}

Result<void> BlockSource::check(const BlockRequest& request) const {
  if (request.op == BlockOp::flush)
    return {};
  const BlockGeometry shape = geometry();
  if (request.op == BlockOp::write && !shape.writable)
    return fail(Code::denied, "write to a read-only device", name());
  if (request.segments.empty() || request.segments.size() > shape.max_segments)
    return fail(Code::invalid, "block request with a wrong number of segments", name());
  std::uint64_t total = 0;
  for (const MutBytes segment : request.segments) {
    if (segment.empty() || segment.size() % shape.block_size != 0 ||
        reinterpret_cast<std::uintptr_t>(segment.data()) % 512 != 0)
      return fail(Code::invalid, "block request with an unaligned segment", name());
    total += segment.size();
  }
  if (total > shape.max_request_bytes)
    return fail(Code::invalid, "block request over the device's limit", name());
  if (request.offset % shape.block_size != 0)
    return fail(Code::invalid, "block request at an unaligned offset", name());
  if (request.offset > shape.size || total > shape.size - request.offset)
    return fail(Code::corrupt, "block request past the end of the device", name());
  return {};
}

} // namespace pvboot
