// The seam between those who have blocks and those who read them: a vbd's ring, a partition, a volume, a host
// file and a test's memory are BlockSources.
//
// It is asynchronous. A caller fills a BlockRequest, submits it, and pumps until its `on_complete` has run:
//
//  - The caller owns the request and its buffers; from a successful submit() until on_complete both must stay
//    where they are and must not be touched. A layer may rewrite `offset` in between.
//  - on_complete runs inside pump(), once for each submitted request, in any order. It may submit, it must not
//    pump: there is one pump and it never re-enters.
//  - Offsets and lengths are multiples of geometry().block_size, in bytes. Each segment starts at an address that
//    is a multiple of 512 and has a length that is a multiple of block_size. Requests may be of any total size up
//    to geometry().max_request_bytes and have up to geometry().max_segments segments.
//  - After BlockStatus::timed_out or BlockStatus::gone with `quarantined` set, the device may still write into the
//    buffers: they must never be used again for anything.
//
// Layers that transform (decrypt, verify, take the other copy) put their own on_complete in front of the caller's.
#pragma once

#include "base/bytes.hpp"
#include "base/duration.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <span>

namespace pvboot {

enum class BlockOp : std::uint8_t { read, write, flush };

enum class BlockStatus : std::uint8_t {
  ok,
  io_error,    ///< the device said so
  unsupported, ///< the device does not know the operation, or is read-only
  timed_out,   ///< no answer within the source's time limit
  gone,        ///< the device went away
};

/// The status as a Result, for those who pass it up.
Result<void> as_result(BlockStatus status);

struct BlockRequest {
  BlockOp op = BlockOp::read;
  std::uint64_t offset = 0;             ///< bytes from the start of the source; ignored for flush
  std::span<const MutBytes> segments{}; ///< where the bytes go to or come from, in order
  void (*on_complete)(BlockRequest&) = nullptr;
  void* context = nullptr; ///< the submitter's own

  BlockStatus status = BlockStatus::ok; ///< set before on_complete
  bool quarantined = false;             ///< set before on_complete: the buffers are lost

  BlockRequest* next = nullptr; ///< for the source's own lists while the request is in flight
};

struct BlockGeometry {
  std::uint32_t block_size = 512; ///< the logical block: 512 or a larger power of two up to 4096
  std::uint64_t size = 0;         ///< bytes; a multiple of block_size
  std::uint32_t max_segments = 1;
  std::uint32_t max_request_bytes = 4096; ///< a multiple of 4096
  std::uint32_t queue_depth = 1;          ///< requests worth having in flight at once
  bool writable = false;
};

class BlockSource {
public:
  virtual ~BlockSource() = default;

  virtual BlockGeometry geometry() const = 0;

  /// True: taken, on_complete will come. False: the queue is full, pump first. An Error: the request breaks the
  /// rules above, lies outside the source, or the source is dead; on_complete will not come.
  virtual Result<bool> submit(BlockRequest& request) = 0;

  /// Runs the completions that are there; if there are none, waits up to `limit` for one. The source's own time
  /// limit on requests applies besides: every taken request completes in bounded time if pump() is called.
  virtual void pump(Duration limit) = 0;

  /// Name for places in errors, e.g. "xvda1".
  virtual std::string_view name() const = 0;

protected:
  /// The rules of submit() that every source shares.
  Result<void> check(const BlockRequest& request) const;
};

} // namespace pvboot
