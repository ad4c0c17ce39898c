#include "xen/block/blkfront.hpp"

#include "xen/block/page.hpp"
#include "xen/quarantine.hpp"

#include <algorithm>
#include <utility>

namespace pvboot::xen {

namespace {

// How long a silent backend is waited for before its state is looked at.
constexpr Duration silence = seconds(2);

BlockStatus status_of(std::int16_t status) {
  switch (status) {
  case BLKIF_RSP_OKAY: return BlockStatus::ok;
  case BLKIF_RSP_EOPNOTSUPP: return BlockStatus::unsupported;
  default: return BlockStatus::io_error;
  }
}

constexpr std::uint8_t ring_op(BlockOp op) { return op == BlockOp::write ? BLKIF_OP_WRITE : BLKIF_OP_READ; }

} // namespace

// A BlockRequest under way, and how much of it has been sent.
struct BlkFront::Job {
  BlockRequest* request = nullptr; ///< null: free
  std::size_t segment = 0;
  std::size_t offset = 0; ///< in the segment
  std::uint64_t disk_offset = 0;
  unsigned outstanding = 0; ///< ring requests
  bool all_sent = false;
  bool quarantined = false;
  BlockStatus status = BlockStatus::ok;
  Instant deadline;
};

// A ring request; its index is the id on the ring. The pages it once needed stay with it.
struct BlkFront::Slot {
  std::uint32_t id = 0;
  Job* job = nullptr; ///< null: free
  std::uint8_t operation = 0;
  std::vector<blkif_request_segment> pages;
  std::vector<GrantRef> grants;
  std::size_t bytes = 0;

  Page list; ///< of the pages of an indirect request, granted as long as the device is open
  std::optional<GrantRef> list_grant;

  Page bounce_page;
  MutBytes bounced{}; ///< where its bytes are to go after a read
};

BlkFront::BlkFront(const DeviceServices& services, DiskNode node) : services_(services), node_(std::move(node)) {}

BlkFront::~BlkFront() {
  if (phase_ != Phase::finished && phase_ != Phase::fresh)
    abandon();
}

Result<bool> BlkFront::submit(BlockRequest& request) {
  if (phase_ != Phase::connected)
    return fail(Code::gone, "the disk is not connected", name());
  TRY(check(request));
  auto free = std::ranges::find_if(jobs_, [](const auto& job) { return job->request == nullptr; });
  if (free == jobs_.end()) {
    if (jobs_.size() >= shape_.queue_depth)
      return false;
    jobs_.push_back(std::make_unique<Job>());
    free = jobs_.end() - 1;
  }
  **free = Job{.request = &request,
               .disk_offset = request.op == BlockOp::flush ? 0 : request.offset,
               .deadline = services_.clock.now() + request_limit_};
  request.quarantined = false;
  if (queue_.empty() && std::ranges::none_of(slots_, [](const auto& slot) { return slot->job != nullptr; }))
    last_heard_ = services_.clock.now();
  queue_.push_back(free->get());
  feed();
  return true;
}

// Sends what the ring takes.
void BlkFront::feed() {
  if (phase_ != Phase::connected)
    return;
  while (!queue_.empty()) {
    Job& job = *queue_.front();
    if (job.all_sent)
      queue_.erase(queue_.begin());
    else if (ring_->free() == 0 || !send_piece(job))
      break;
  }
  if (ring_->publish())
    (void)services_.events.send(*port_);
}

BlkFront::Slot* BlkFront::open_slot() {
  const auto free = std::ranges::find_if(slots_, [](const auto& slot) { return slot->job == nullptr; });
  if (free != slots_.end())
    return free->get();
  slots_.push_back(std::make_unique<Slot>());
  slots_.back()->id = static_cast<std::uint32_t>(slots_.size() - 1);
  return slots_.back().get();
}

// Code::out_of_memory while the grant table is full; anything else will not get better.
Result<void> BlkFront::add_page(Slot& slot, const std::byte* at, std::size_t size, bool device_writes) {
  const auto frame = services_.frames.frame_of(at);
  if (!frame)
    return fail(Code::invalid, "a buffer outside the loader's memory");
  const GrantRef ref = TRY(services_.grants.grant(node_.backend_domain, *frame,
                                                  device_writes ? GrantAccess::read_write : GrantAccess::read_only));
  slot.grants.push_back(ref);
  const std::size_t in_page = reinterpret_cast<std::uintptr_t>(at) % page_size;
  slot.pages.push_back({.gref = ref.value,
                        .first_sect = static_cast<std::uint8_t>(in_page / unit_),
                        .last_sect = static_cast<std::uint8_t>((in_page + size) / unit_ - 1)});
  slot.bytes += size;
  return {};
}

std::byte* BlkFront::bounce(Slot& slot, MutBytes block, BlockOp op) {
  if (slot.bounce_page == nullptr)
    slot.bounce_page = new_page();
  if (op == BlockOp::write)
    std::memcpy(slot.bounce_page.get(), block.data(), block.size());
  else
    slot.bounced = block;
  return slot.bounce_page.get();
}

bool BlkFront::ready_indirect(Slot& slot) {
  if (slot.list_grant)
    return true;
  if (slot.list == nullptr)
    slot.list = new_page();
  const auto frame = services_.frames.frame_of(slot.list.get());
  if (!frame)
    return false;
  if (auto ref = services_.grants.grant(node_.backend_domain, *frame, GrantAccess::read_only))
    slot.list_grant = *ref;
  return slot.list_grant.has_value();
}

// Grants the next pages of the job, as many as one ring request takes. A block that its memory cuts in two (only
// where blocks are larger than the 512 bytes that memory is aligned to) goes alone, through a page in between.
Result<void> BlkFront::gather(Job& job, Slot& slot) {
  const BlockRequest& request = *job.request;
  const std::size_t limit = pages_a_request_ > BLKIF_MAX_SEGMENTS_PER_REQUEST && ready_indirect(slot)
                                ? pages_a_request_
                                : BLKIF_MAX_SEGMENTS_PER_REQUEST;
  while (!job.all_sent && slot.pages.size() < limit && slot.bounced.empty()) {
    const MutBytes rest = request.segments[job.segment].subspan(job.offset);
    const std::size_t in_page = reinterpret_cast<std::uintptr_t>(rest.data()) % page_size;
    std::byte* at = rest.data();
    std::size_t size = std::min<std::size_t>(page_size - in_page, rest.size());
    const bool unaligned = in_page % shape_.block_size != 0;
    if (unaligned) {
      if (!slot.pages.empty())
        break;
      size = shape_.block_size;
      at = bounce(slot, rest.first(size), request.op);
    }
    TRY(add_page(slot, at, size, request.op == BlockOp::read));
    job.offset += size;
    if (job.offset == request.segments[job.segment].size()) {
      job.offset = 0;
      job.all_sent = ++job.segment == request.segments.size();
    }
    if (unaligned)
      break;
  }
  return {};
}

// Sends the next ring request of the job. False: nothing can be sent before others have ended.
bool BlkFront::send_piece(Job& job) {
  Slot& slot = *open_slot();
  slot.job = &job;
  slot.bytes = 0;
  if (job.request->op == BlockOp::flush && !can_flush_ && !can_barrier_) {
    // The backend has no cache to flush.
    slot.job = nullptr;
    job.all_sent = true;
    return true;
  }
  if (job.request->op == BlockOp::flush) {
    slot.operation = can_flush_ ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER;
    job.all_sent = true;
  } else {
    slot.operation = ring_op(job.request->op);
    auto gathered = gather(job, slot);
    if (slot.pages.empty()) {
      slot.job = nullptr;
      slot.bounced = {};
      const bool others = std::ranges::any_of(slots_, [](const auto& s) { return s->job != nullptr; });
      if (!gathered && gathered.error().code() == Code::out_of_memory && others)
        return false;
      job.status = BlockStatus::io_error;
      job.all_sent = true;
      return true;
    }
  }
  fill_request(slot, job.disk_offset);
  job.disk_offset += slot.bytes;
  ++job.outstanding;
  return true;
}

void BlkFront::fill_request(Slot& slot, std::uint64_t offset) {
  const auto handle = static_cast<blkif_vdev_t>(node_.vdev);
  if (slot.pages.size() <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    blkif_request_t request{};
    request.operation = slot.operation;
    request.nr_segments = static_cast<std::uint8_t>(slot.pages.size());
    request.handle = handle;
    request.id = slot.id;
    request.sector_number = offset / unit_;
    std::ranges::copy(slot.pages, request.seg);
    ring_->next_request() = request;
    return;
  }
  std::memcpy(slot.list.get(), slot.pages.data(), slot.pages.size() * sizeof(blkif_request_segment));
  blkif_request_indirect_t request{};
  request.operation = BLKIF_OP_INDIRECT;
  request.indirect_op = slot.operation;
  request.nr_segments = static_cast<std::uint16_t>(slot.pages.size());
  request.id = slot.id;
  request.sector_number = offset / unit_;
  request.handle = handle;
  request.indirect_grefs[0] = slot.list_grant->value;
  std::memcpy(&ring_->next_request(), &request, sizeof request);
}

// Ends a grant; false when the backend has the page still. What has not been answered may yet be carried out: its
// references are not used again.
bool BlkFront::take_back(GrantRef ref, bool answered) {
  return answered ? services_.grants.end(ref) : services_.grants.revoke(ref);
}

// Ends the grants of a ring request and gives its slot back.
void BlkFront::settle(Slot& slot, BlockStatus status, bool answered) {
  Job& job = *slot.job;
  for (const GrantRef ref : slot.grants)
    if (!take_back(ref, answered))
      job.quarantined = true;
  if (slot.bounce_page != nullptr && job.quarantined)
    quarantine(slot.bounce_page.release(), page_size);
  else if (!slot.bounced.empty() && status == BlockStatus::ok)
    std::memcpy(slot.bounced.data(), slot.bounce_page.get(), slot.bounced.size());
  slot.bounced = {};
  slot.grants.clear();
  slot.pages.clear();
  slot.job = nullptr;
  if (job.status == BlockStatus::ok)
    job.status = status;
  --job.outstanding;
}

// The BlockRequest is complete; its Job is free before on_complete runs, which may submit.
bool BlkFront::finish_if_done(Job& job) {
  if (job.request == nullptr || !job.all_sent || job.outstanding != 0)
    return false;
  BlockRequest& request = *std::exchange(job.request, nullptr);
  std::erase(queue_, &job);
  request.status = job.status;
  request.quarantined = job.quarantined;
  request.on_complete(request);
  return true;
}

void BlkFront::take_response(const blkif_response_t& response) {
  Slot* slot = response.id < slots_.size() ? slots_[response.id].get() : nullptr;
  const bool ours = slot != nullptr && slot->job != nullptr &&
                    (response.operation == slot->operation ||
                     (response.operation == BLKIF_OP_INDIRECT && slot->pages.size() > BLKIF_MAX_SEGMENTS_PER_REQUEST));
  if (!ours) {
    lose_device(BlockStatus::gone);
    return;
  }
  Job& job = *slot->job;
  settle(*slot, status_of(response.status), true);
  // A backend that answers while it still holds the pages breaks the rules, whatever it answers.
  if (job.quarantined) {
    job.status = BlockStatus::gone;
    lose_device(BlockStatus::gone);
    return;
  }
  // After an error the rest is not sent.
  if (job.status != BlockStatus::ok)
    job.all_sent = true;
  finish_if_done(job);
}

// Takes the responses that are there; whether there were any.
bool BlkFront::collect() {
  bool any = false;
  do {
    while (phase_ == Phase::connected) {
      const auto response = ring_->next_response();
      if (!response)
        break;
      any = true;
      take_response(*response);
    }
  } while (phase_ == Phase::connected && ring_->arm());
  if (phase_ == Phase::connected && ring_->broken())
    lose_device(BlockStatus::gone);
  return any;
}

// Nothing more is sent or expected; everything under way completes.
void BlkFront::lose_device(BlockStatus status) {
  phase_ = Phase::failed;
  for (const auto& slot : slots_)
    if (slot->job != nullptr)
      settle(*slot, status, false);
  // on_complete may not submit any more (the device is gone), so no new job comes while this goes on.
  for (const auto& job : jobs_) {
    if (job->request == nullptr)
      continue;
    // Lost buffers count for more than an error that a piece has had before.
    if (job->status == BlockStatus::ok || job->quarantined)
      job->status = status;
    job->all_sent = true;
    finish_if_done(*job);
  }
}

// Ends the grants of the indirect requests' lists. A page that the backend has still is lost.
void BlkFront::release_lists(bool answered) {
  for (const auto& slot : slots_)
    if (slot->list_grant && !take_back(*slot->list_grant, answered))
      quarantine(slot->list.release(), page_size);
  slots_.clear();
}

bool BlkFront::busy() const {
  return std::ranges::any_of(jobs_, [](const auto& job) { return job->request != nullptr; });
}

Instant BlkFront::earliest_deadline() const {
  Instant earliest{~std::uint64_t{0}};
  for (const auto& job : jobs_)
    if (job->request != nullptr)
      earliest = std::min(earliest, job->deadline);
  return earliest;
}

void BlkFront::pump(Duration limit) {
  const Instant until = services_.clock.now() + limit;
  while (phase_ == Phase::connected) {
    feed();
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      if (finish_if_done(*jobs_[i]))
        return;
    if (collect()) {
      last_heard_ = services_.clock.now();
      feed();
      return;
    }
    const Instant now = services_.clock.now();
    const Instant overdue = earliest_deadline();
    if (now >= overdue) {
      lose_device(BlockStatus::timed_out);
      return;
    }
    if (!busy() || now >= until)
      return;
    const Instant look = last_heard_ + silence;
    services_.events.wait(*port_, std::min({until, overdue, look}));
    if (backend_left()) {
      lose_device(BlockStatus::gone);
      return;
    }
  }
}

// Looked up only after a silence: whether the backend is no longer connected, as far as the store knows.
bool BlkFront::backend_left() {
  const Instant now = services_.clock.now();
  if (now < last_heard_ + silence)
    return false;
  last_heard_ = now;
  const auto state = read_state(services_.store, node_.backend);
  return state && *state != BusState::connected;
}

} // namespace pvboot::xen
