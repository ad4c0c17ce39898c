// How a blkfront comes to be connected, and how it leaves [xen/io/blkif.h: state diagrams; xen-abi.md part D].
#include "xen/block/blkfront.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"
#include "xen/block/page.hpp"
#include "xen/quarantine.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>

namespace pvboot::xen {

namespace {

// 128 plain requests of 44 KiB fill the pipe of a backend without indirect requests.
constexpr std::uint64_t largest_ring_order = 2;
// One page of page descriptors a request, 1 MiB.
constexpr std::uint64_t most_pages_a_request = 256;
constexpr std::uint32_t largest_request = 1u << 20;
constexpr std::uint32_t requests_at_once = 16;
constexpr int most_commit_tries = 16;
constexpr Duration probe_limit = seconds(5);
// The way from reading our state to being Connected takes a backend some round trips to the store.
constexpr Duration withdrawal = seconds(5);

// What a blkfront, ours or an earlier loader's, puts into its directory besides the state. The protocol stays: the
// host's toolstack has put it there before any frontend.
bool is_frontend_key(std::string_view key) {
  constexpr std::string_view names[] = {"ring-page-order",           "num-ring-pages",     "event-channel",
                                        "feature-large-sector-size", "feature-persistent", "feature-trusted",
                                        "multi-queue-num-queues"};
  return key.starts_with("ring-ref") || key.starts_with("queue-") || std::ranges::find(names, key) != std::end(names);
}

std::string ring_ref_key(std::size_t index) { return "ring-ref" + dec(index); }

} // namespace

// The first look: at what we are called, and at whether somebody was here before.
Result<BlkFront::Step> BlkFront::begin() {
  const BusState ours = TRY(read_state(services_.store, node_.frontend));
  if (ours == BusState::initialising) {
    phase_ = Phase::awaiting_backend;
    return advance_connect();
  }
  // The earlier loader's port stays as it is: by a number in the store it could be anybody's, and an unused one does
  // no harm.
  TRY(begin_closing(Phase::awaiting_backend));
  return advance_connect();
}

Result<BlkFront::Step> BlkFront::advance_connect() {
  switch (phase_) {
  case Phase::fresh: return begin();
  case Phase::closing:
  case Phase::closed:
  case Phase::reinitialising: {
    if (TRY(go_on_closing()) == Step::waiting)
      return Step::waiting;
    return advance_connect();
  }
  case Phase::awaiting_backend: {
    const BusState theirs = TRY(read_state(services_.store, node_.backend));
    if (theirs == BusState::init_wait || theirs == BusState::initialised)
      return publish();
    if (!prompted_)
      return prompt(theirs);
    return Step::waiting;
  }
  case Phase::published: {
    const BusState theirs = TRY(read_state(services_.store, node_.backend));
    if (theirs == BusState::connected)
      return go_online();
    if (theirs == BusState::closing || theirs == BusState::closed) {
      phase_ = Phase::failed;
      return fail(Code::gone, "the backend refuses the connection");
    }
    return Step::waiting;
  }
  case Phase::connected: return Step::done;
  case Phase::withdrawn:
  case Phase::failed:
  case Phase::finished: break;
  }
  return fail(Code::gone, "the disk was closed");
}

// What helps a backend that is not waiting for us, once: one that closed before we looked waits for our state to be
// written; one that is with an earlier frontend still, which gave up on it, waits to be closed.
Result<BlkFront::Step> BlkFront::prompt(BusState theirs) {
  switch (theirs) {
  case BusState::closed:
    prompted_ = true;
    TRY(write_state(services_.store, node_.frontend, BusState::initialising));
    return Step::waiting;
  case BusState::connected:
  case BusState::closing:
    prompted_ = true;
    TRY(begin_closing(Phase::awaiting_backend));
    return advance_connect();
  default: return Step::waiting;
  }
}

Result<BlkFront::Step> BlkFront::publish() {
  const std::uint64_t offered = TRY(services_.store.read_number_or(node_.backend + "/max-ring-page-order", 0));
  ring_ = std::make_unique<BlkRing>(static_cast<unsigned>(std::min(offered, largest_ring_order)));
  for (std::size_t i = 0; i < ring_->page_count(); ++i) {
    const auto frame = services_.frames.frame_of(ring_->page(i));
    if (!frame)
      return fail(Code::invalid, "a ring outside the loader's memory");
    ring_grants_.push_back(TRY(services_.grants.grant(node_.backend_domain, *frame, GrantAccess::read_write)));
  }
  port_ = TRY(services_.events.allocate_unbound(node_.backend_domain));
  phase_ = Phase::published; // from here on closing has something to undo
  for (int tries = 0; tries < most_commit_tries; ++tries) {
    const Transaction transaction = TRY(services_.store.begin());
    auto offered_keys = offer_ring(transaction);
    const bool committed = TRY(services_.store.end(transaction, offered_keys.has_value()));
    if (!offered_keys)
      return std::unexpected(std::move(offered_keys).error());
    if (committed)
      return advance_connect();
  }
  return fail(Code::timed_out, "xenstore does not take the ring's keys");
}

Result<void> BlkFront::offer_ring(Transaction in) {
  XenStore& store = services_.store;
  const std::string keys = node_.frontend + "/";
  // An earlier frontend that ended without closing has left its own: a backend would believe them beside ours.
  TRY(remove_keys(in));
  if (ring_grants_.size() == 1) {
    TRY(store.write_number(keys + "ring-ref", ring_grants_.front().value, in));
  } else {
    TRY(store.write_number(keys + "ring-page-order", std::countr_zero(ring_grants_.size()), in));
    for (std::size_t i = 0; i < ring_grants_.size(); ++i)
      TRY(store.write_number(keys + ring_ref_key(i), ring_grants_[i].value, in));
  }
  TRY(store.write_number(keys + "event-channel", port_->value, in));
  TRY(store.write(keys + "protocol", XEN_IO_PROTO_ABI_NATIVE, in));
  // QEMU's backend connects a disk of 4K blocks only to a frontend that says this.
  TRY(store.write_number(keys + "feature-large-sector-size", 1, in));
  return write_state(store, node_.frontend, BusState::initialised, in);
}

Result<BlkFront::Step> BlkFront::go_online() {
  TRY(learn_features());
  TRY(learn_shape());
  TRY(write_state(services_.store, node_.frontend, BusState::connected));
  return Step::done;
}

Result<void> BlkFront::learn_features() {
  XenStore& store = services_.store;
  const std::string& theirs = node_.backend;
  const std::uint64_t indirect = TRY(store.read_number_or(theirs + "/feature-max-indirect-segments", 0));
  if (indirect > BLKIF_MAX_SEGMENTS_PER_REQUEST)
    pages_a_request_ = static_cast<std::uint32_t>(std::min(indirect, most_pages_a_request));
  can_flush_ = TRY(store.read_number_or(theirs + "/feature-flush-cache", 0)) == 1;
  can_barrier_ = TRY(store.read_number_or(theirs + "/feature-barrier", 0)) == 1;
  return {};
}

Result<void> BlkFront::learn_shape() {
  XenStore& store = services_.store;
  const std::uint64_t sectors = TRY(store.read_number(node_.backend + "/sectors"));
  const std::uint64_t block = TRY(store.read_number_or(node_.backend + "/sector-size", 512));
  const std::uint64_t info = TRY(store.read_number_or(node_.backend + "/info", 0));
  if (block < 512 || block > page_size || !std::has_single_bit(block))
    return fail(Code::unsupported, "a disk whose blocks are not of 512 to 4096 bytes", dec(block) + " bytes");
  shape_ = {.block_size = static_cast<std::uint32_t>(block),
            .size = 0,
            .max_segments = static_cast<std::uint32_t>(most_pages_a_request),
            .max_request_bytes = largest_request,
            .queue_depth = requests_at_once,
            .writable = !node_.cdrom && (info & (VDISK_READONLY | VDISK_CDROM)) == 0};
  phase_ = Phase::connected;
  unit_ = block != 512 && TRY(counts_in_blocks(shape_.block_size)) ? shape_.block_size : 512;
  const auto bytes = checked_mul<std::uint64_t>(sectors, unit_);
  if (!bytes)
    return fail(Code::corrupt, "a disk of more than 16 EiB");
  shape_.size = *bytes / block * block;
  return {};
}

// On disks of larger blocks, whether sector numbers count blocks (QEMU before 9.2, by the headers of its time) or
// 512 bytes (Linux, and newer headers): the second block is asked for as blocks are counted. Counted in 512 bytes,
// that is an unaligned request, which fails or fills 512 bytes only.
Result<bool> BlkFront::counts_in_blocks(std::uint32_t block_size) {
  Page page = new_page();
  const Duration usual_limit = std::exchange(request_limit_, probe_limit);
  unit_ = block_size;
  shape_.size = 2ull * block_size;
  bool filled = false;
  Result<void> outcome{};
  // A disk that happens to hold the pattern is not taken for unfilled memory twice.
  for (const int pattern : {0xa5, 0x5a}) {
    std::memset(page.get(), pattern, page_size);
    const MutBytes buffer(page.get(), block_size);
    bool done = false;
    BlockRequest probe;
    probe.offset = block_size;
    probe.segments = std::span(&buffer, 1);
    probe.on_complete = [](BlockRequest& request) { *static_cast<bool*>(request.context) = true; };
    probe.context = &done;
    if (auto taken = submit(probe); !taken) {
      outcome = std::unexpected(std::move(taken).error());
      break;
    }
    while (!done)
      pump(probe_limit);
    if (probe.quarantined)
      quarantine(page.release(), page_size);
    if (phase_ != Phase::connected) {
      outcome = as_result(probe.status == BlockStatus::ok ? BlockStatus::gone : probe.status);
      break;
    }
    filled = probe.status == BlockStatus::ok &&
             std::any_of(page.get() + 512, page.get() + block_size,
                         [&](std::byte b) { return b != static_cast<std::byte>(pattern); });
    if (filled || probe.status != BlockStatus::ok)
      break;
  }
  request_limit_ = usual_limit;
  TRY(std::move(outcome));
  return filled;
}

Result<void> BlkFront::begin_closing(Phase then) {
  after_closing_ = then;
  if (phase_ == Phase::connected)
    lose_device(BlockStatus::gone);
  phase_ = Phase::closing;
  return write_state(services_.store, node_.frontend, BusState::closing);
}

Result<BlkFront::Step> BlkFront::go_on_closing() {
  const BusState theirs = TRY(read_state(services_.store, node_.backend));
  const bool no_backend = theirs == BusState::unknown;
  if (phase_ == Phase::closing) {
    if (!no_backend && theirs != BusState::closing && theirs != BusState::closed)
      return Step::waiting;
    TRY(write_state(services_.store, node_.frontend, BusState::closed));
    phase_ = Phase::closed;
    return go_on_closing();
  }
  if (phase_ == Phase::closed) {
    if (!no_backend && theirs != BusState::closed)
      return Step::waiting;
    release_ring(true);
    TRY(remove_keys());
    TRY(write_state(services_.store, node_.frontend, BusState::initialising));
    phase_ = Phase::reinitialising;
    return go_on_closing();
  }
  if (!no_backend && theirs != BusState::init_wait)
    return Step::waiting;
  phase_ = after_closing_;
  return Step::done;
}

Result<BlkFront::Step> BlkFront::advance_close() {
  switch (phase_) {
  case Phase::fresh:
  case Phase::awaiting_backend:
    release_ring(true); // it may have been made, and not been offered
    phase_ = Phase::finished;
    return Step::done;
  case Phase::finished: return Step::done;
  case Phase::published:
  case Phase::withdrawn: return withdraw();
  case Phase::connected:
  case Phase::failed: TRY(begin_closing(Phase::finished)); break;
  case Phase::closing:
  case Phase::closed:
  case Phase::reinitialising: after_closing_ = Phase::finished; break;
  }
  return go_on_closing();
}

// Takes the ring back from a backend that has not taken it up. That one has nothing to close, and may never wake to do
// so; all that is waited for is whether it was just about to.
Result<BlkFront::Step> BlkFront::withdraw() {
  if (TRY(read_state(services_.store, node_.backend)) != BusState::init_wait) {
    TRY(begin_closing(Phase::finished));
    return go_on_closing();
  }
  if (phase_ == Phase::published) {
    TRY(write_state(services_.store, node_.frontend, BusState::initialising));
    phase_ = Phase::withdrawn;
    withdrawn_until_ = services_.clock.now() + withdrawal;
  }
  if (services_.clock.now() < withdrawn_until_)
    return Step::waiting;
  abandon();
  return Step::done;
}

void BlkFront::abandon() {
  if (phase_ == Phase::connected)
    lose_device(BlockStatus::gone);
  const bool published = phase_ != Phase::fresh && phase_ != Phase::awaiting_backend && phase_ != Phase::finished;
  phase_ = Phase::finished;
  // The guest's own frontend gets its chance if the backend comes to its senses. The state goes first: one that wakes
  // now must not look for keys that are gone.
  if (published) {
    (void)write_state(services_.store, node_.frontend, BusState::initialising);
    (void)remove_keys();
  }
  release_ring(false);
}

// Ends what the backend had of ours. Pages that it has still are lost.
void BlkFront::release_ring(bool answered) {
  bool all_ended = true;
  for (const GrantRef ref : ring_grants_)
    all_ended = take_back(ref, answered) && all_ended;
  ring_grants_.clear();
  if (ring_ != nullptr && !all_ended)
    ring_->lose();
  ring_.reset();
  release_lists(answered);
  if (port_)
    (void)services_.events.close(*port_);
  port_.reset();
}

Result<void> BlkFront::remove_keys(Transaction in) {
  for (const std::string& key : TRY(services_.store.list(node_.frontend, in)))
    if (is_frontend_key(key))
      TRY(services_.store.remove(node_.frontend + "/" + key, in));
  return {};
}

} // namespace pvboot::xen
