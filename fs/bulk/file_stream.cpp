#include "fs/bulk/file_stream.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "fs/bulk/direct_part.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {
// How long one pump may sleep; the source's own limit on requests ends the wait for good.
constexpr Duration pump_limit = seconds(1);
} // namespace

FileStream::FileStream(File& file, MutBytes buffer, std::size_t chunk, std::uint64_t start)
    : file_(file), buffer_(buffer), chunk_(chunk), base_(align_down<std::uint64_t>(start, page_size)),
      size_(file.size()), position_(start), issued_(base_), requests_(max_requests) {
  const bool whole_pages = chunk != 0 && chunk % page_size == 0;
  if (!whole_pages || buffer.size() < chunk || reinterpret_cast<std::uintptr_t>(buffer.data()) % page_size != 0)
    ended_ = Error(Code::invalid, "the stream's buffer is not made of whole pages");
  else if (start > size_)
    ended_ = Error(Code::invalid, "read past the end of the file");
  else
    slots_.resize(buffer.size() / chunk);
}

FileStream::~FileStream() { drain(); }

bool FileStream::quarantined() {
  drain();
  return quarantined_;
}

Result<Bytes> FileStream::next() {
  if (ended_)
    return std::unexpected(*ended_);
  if (std::exchange(lent_, false))
    ++first_kept_;
  if (position_ == size_)
    return Bytes{};
  Slot& slot = slots_[first_kept_ % slots_.size()];
  const std::uint64_t end = end_of(first_kept_);
  for (;;) {
    read_ahead();
    if (slot.in_flight == 0 && slot.status != BlockStatus::ok) {
      auto failed = as_result(slot.status);
      const std::string place = "bytes at " + dec(slot.failed_offset);
      return fail_with(std::move(failed).error().at(place).at(slot.failed_source->name()));
    }
    if (slot.in_flight == 0 && issued_ >= end)
      break;
    if (slot.in_flight == 0 && failure_)
      return fail_with(*failure_);
    wait();
  }
  const std::uint64_t chunk_begin = base_ + first_kept_ * chunk_;
  const MutBytes memory = buffer_.subspan(first_kept_ % slots_.size() * chunk_, chunk_);
  const Bytes out =
      memory.subspan(static_cast<std::size_t>(position_ - chunk_begin), static_cast<std::size_t>(end - position_));
  position_ = end;
  lent_ = true;
  return out;
}

std::uint64_t FileStream::end_of(std::uint64_t chunk) const { return std::min(size_, base_ + (chunk + 1) * chunk_); }

Result<Bytes> FileStream::fail_with(Error error) {
  ended_ = error;
  return std::unexpected(std::move(error));
}

void FileStream::read_ahead() {
  full_ = nullptr;
  while (!failure_ && full_ == nullptr && issued_ < size_ && chunk_of(issued_) < first_kept_ + slots_.size()) {
    const std::size_t which = chunk_of(issued_) % slots_.size();
    const std::size_t inside = (issued_ - base_) % chunk_;
    Slot& slot = slots_[which];
    if (inside == 0)
      slot.status = BlockStatus::ok;
    const auto run = file_.run_at(issued_);
    auto taken = run ? start_piece(*run, buffer_.subspan(which * chunk_ + inside, chunk_ - inside), slot)
                     : Result<std::size_t>(std::unexpected(run.error()));
    if (!taken)
      failure_ = std::move(taken).error();
    else if (*taken == 0)
      return;
    else
      issued_ += *taken;
  }
}

/// Begins to read, or fills in, the beginning of `run`; how much of it, 0 when the queue is full.
Result<std::size_t> FileStream::start_piece(const Run& run, MutBytes out, Slot& slot) {
  const DirectPart part = direct_part(run, out, size_);
  if (part.useful != 0)
    return submit(run, out.first(part.transfer), part.useful, slot);
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(run.length, out.size()));
  if (run.kind == Run::Kind::zeroes)
    std::memset(out.data(), 0, count);
  else if (run.kind == Run::Kind::inline_bytes)
    std::memcpy(out.data(), run.bytes.data(), count);
  else
    TRY(file_.read(run.offset, out.first(count)));
  return count;
}

Result<std::size_t> FileStream::submit(const Run& run, MutBytes out, std::size_t useful, Slot& slot) {
  Request* request = free_request();
  if (request == nullptr)
    return std::size_t{0};
  const std::size_t most = run.source->geometry().max_request_bytes;
  if (out.size() > most) {
    out = out.first(most);
    useful = most;
  }
  request->block = BlockRequest{};
  request->segment = out;
  request->offset = run.disk_offset;
  request->source = run.source;
  request->owner = this;
  request->block.offset = run.disk_offset;
  request->block.segments = std::span(&request->segment, 1);
  request->block.on_complete = completed;
  request->block.context = request;
  if (!TRY(run.source->submit(request->block))) {
    full_ = run.source;
    return std::size_t{0};
  }
  request->slot = &slot;
  ++slot.in_flight;
  return useful;
}

void FileStream::completed(BlockRequest& block) {
  Request& request = *static_cast<Request*>(block.context);
  Slot& slot = *std::exchange(request.slot, nullptr);
  --slot.in_flight;
  if (block.quarantined)
    request.owner->quarantined_ = true;
  if (block.status != BlockStatus::ok && slot.status == BlockStatus::ok) {
    slot.status = block.status;
    slot.failed_offset = request.offset;
    slot.failed_source = request.source;
  }
}

/// Something is on its way, or a device's queue is full of others' requests.
void FileStream::wait() {
  if (const Request* request = busy_request())
    request->source->pump(pump_limit);
  else if (full_ != nullptr)
    full_->pump(pump_limit);
}

void FileStream::drain() {
  while (const Request* request = busy_request())
    request->source->pump(pump_limit);
}

FileStream::Request* FileStream::free_request() {
  const auto found = std::ranges::find(requests_, nullptr, &Request::slot);
  return found == requests_.end() ? nullptr : &*found;
}

FileStream::Request* FileStream::busy_request() {
  const auto found = std::ranges::find_if(requests_, [](const Request& request) { return request.slot != nullptr; });
  return found == requests_.end() ? nullptr : &*found;
}

} // namespace pvboot::fs
