#include "base/immediate_source.hpp"

#include "base/checked.hpp"

#include <utility>

namespace pvboot {

ImmediateSource::ImmediateSource(std::uint64_t size, std::string_view name, std::uint32_t block_size, bool writable)
    : shape_{.block_size = block_size,
             .size = align_down<std::uint64_t>(size, block_size),
             .max_segments = 256,
             .max_request_bytes = 1 << 20,
             .queue_depth = 4,
             .writable = writable},
      name_(name) {}

Result<bool> ImmediateSource::submit(BlockRequest& request) {
  TRY(check(request));
  request.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &request;
  last_ = &request;
  return true;
}

void ImmediateSource::pump(Duration) {
  BlockRequest* request = std::exchange(first_, nullptr);
  last_ = nullptr;
  while (request != nullptr) {
    BlockRequest* next = request->next;
    request->status = carry_out(*request);
    request->on_complete(*request);
    request = next;
  }
}

BlockStatus ImmediateSource::carry_out(const BlockRequest& request) {
  if (request.op == BlockOp::flush)
    return BlockStatus::ok;
  std::uint64_t offset = request.offset;
  for (const MutBytes segment : request.segments) {
    if (const BlockStatus status = transfer(request.op, offset, segment); status != BlockStatus::ok)
      return status;
    offset += segment.size();
  }
  return BlockStatus::ok;
}

} // namespace pvboot
