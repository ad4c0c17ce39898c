#include "base/memory_source.hpp"

#include "base/checked.hpp"

#include <utility>

namespace pvboot {

MemorySource::MemorySource(MutBytes bytes, std::string_view name, std::uint32_t block_size, bool writable)
    : bytes_(bytes), shape_{.block_size = block_size,
                            .size = align_down<std::uint64_t>(bytes.size(), block_size),
                            .max_segments = 256,
                            .max_request_bytes = 1 << 20,
                            .queue_depth = 4,
                            .writable = writable},
      name_(name) {}

Result<bool> MemorySource::submit(BlockRequest& request) {
  TRY(check(request));
  request.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &request;
  last_ = &request;
  return true;
}

void MemorySource::pump(Duration) {
  BlockRequest* request = std::exchange(first_, nullptr);
  last_ = nullptr;
  while (request != nullptr) {
    BlockRequest* next = request->next;
    std::byte* at = bytes_.data() + request->offset;
    for (const MutBytes segment : request->segments) {
      if (request->op == BlockOp::read)
        std::memcpy(segment.data(), at, segment.size());
      else if (request->op == BlockOp::write)
        std::memcpy(at, segment.data(), segment.size());
      at += segment.size();
    }
    request->status = BlockStatus::ok;
    request->on_complete(*request);
    request = next;
  }
}

} // namespace pvboot
