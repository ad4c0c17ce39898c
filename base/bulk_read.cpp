#include "base/bulk_read.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace pvboot {

namespace {
// How long one pump may sleep; the source's own limit on requests ends the wait for good.
constexpr Duration pump_limit = seconds(1);
} // namespace

struct BulkRead::Slot {
  BulkRead* owner = nullptr;
  BlockRequest request;
  std::vector<MutBytes> segments;
  std::uint64_t offset = 0; // as added; layers may rewrite the request's
  std::size_t bytes = 0;
  bool busy = false;
};

BulkRead::BulkRead(BlockSource& source, bool* quarantined)
    : source_(source), shape_(source.geometry()), quarantined_(quarantined) {}

BulkRead::~BulkRead() { (void)finish(); }

Result<void> BulkRead::read(std::uint64_t offset, MutBytes out) {
  if (auto added = add(offset, out); !added) {
    (void)finish();
    return added;
  }
  return finish();
}

Result<void> BulkRead::add(std::uint64_t offset, MutBytes out) {
  while (!out.empty() && first_failure_ == BlockStatus::ok) {
    if (pending_ != nullptr &&
        (pending_->offset + pending_->bytes != offset || pending_->segments.size() == shape_.max_segments ||
         pending_->bytes >= shape_.max_request_bytes))
      TRY(flush_pending());
    if (pending_ == nullptr) {
      pending_ = open_slot();
      pending_->offset = offset;
      pending_->bytes = 0;
      pending_->segments.clear();
    }
    const std::size_t count = std::min<std::size_t>(out.size(), shape_.max_request_bytes - pending_->bytes);
    auto& segments = pending_->segments;
    if (!segments.empty() && segments.back().data() + segments.back().size() == out.data())
      segments.back() = MutBytes(segments.back().data(), segments.back().size() + count);
    else
      segments.push_back(out.first(count));
    pending_->bytes += count;
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

Result<void> BulkRead::finish() {
  Result<void> sent{};
  if (first_failure_ == BlockStatus::ok)
    sent = flush_pending();
  pending_ = nullptr;
  while (in_flight_ != 0)
    source_.pump(pump_limit);
  if (!sent)
    return sent;
  if (const BlockStatus status = std::exchange(first_failure_, BlockStatus::ok); status != BlockStatus::ok) {
    auto failure = as_result(status);
    return std::unexpected(std::move(failure).error().at("bytes at " + dec(failed_offset_)).at(source_.name()));
  }
  return {};
}

BulkRead::Slot* BulkRead::open_slot() {
  for (;;) {
    for (auto& slot : slots_)
      if (!slot->busy)
        return slot.get();
    if (slots_.size() < std::max<std::size_t>(shape_.queue_depth, 1)) {
      slots_.push_back(std::make_unique<Slot>());
      slots_.back()->owner = this;
      return slots_.back().get();
    }
    source_.pump(pump_limit);
  }
}

Result<void> BulkRead::flush_pending() {
  if (pending_ == nullptr)
    return {};
  Slot& slot = *std::exchange(pending_, nullptr);
  return send(slot);
}

Result<void> BulkRead::send(Slot& slot) {
  slot.request = BlockRequest{};
  slot.request.offset = slot.offset;
  slot.request.segments = slot.segments;
  slot.request.on_complete = completed;
  slot.request.context = &slot;
  slot.busy = true;
  ++in_flight_;
  // While a full queue empties, a request before this one may fail: that is the error, and nothing is sent after it.
  Result<void> sent{};
  while (sent && first_failure_ == BlockStatus::ok) {
    auto taken = source_.submit(slot.request);
    if (taken && *taken)
      return {};
    if (taken)
      source_.pump(pump_limit);
    else
      sent = std::unexpected(std::move(taken).error());
  }
  slot.busy = false;
  --in_flight_;
  return sent;
}

void BulkRead::completed(BlockRequest& request) {
  Slot& slot = *static_cast<Slot*>(request.context);
  BulkRead& self = *slot.owner;
  --self.in_flight_;
  slot.busy = false;
  if (request.quarantined && self.quarantined_ != nullptr)
    *self.quarantined_ = true;
  if (request.status == BlockStatus::ok) {
    self.bytes_done_ += slot.bytes;
  } else if (self.first_failure_ == BlockStatus::ok) {
    self.first_failure_ = request.status;
    self.failed_offset_ = slot.offset;
  }
}

} // namespace pvboot
