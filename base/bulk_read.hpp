// Reading much: many extents straight into their final memory, with the device's queue kept full.
//
// Extents are queued with add() and leave in requests as large as the device takes; finish() pumps until all have
// completed. The first error is kept, no new request is sent after it, and finish() still waits for those in
// flight, so that no buffer is in use when it returns. One BulkRead serves one BlockSource.
#pragma once

#include "base/block_source.hpp"

#include <memory>
#include <vector>

namespace pvboot {

class BulkRead {
public:
  /// `quarantined`, where given, is set when the device may still write into a buffer after finish().
  explicit BulkRead(BlockSource& source, bool* quarantined = nullptr);
  ~BulkRead();
  BulkRead(const BulkRead&) = delete;
  BulkRead& operator=(const BulkRead&) = delete;

  /// Queues `out.size()` bytes from `offset`, both multiples of the block size. Sends what the device takes, waits
  /// only when the queue is full. Neighbours (on disk) are merged into one request.
  Result<void> add(std::uint64_t offset, MutBytes out);

  /// Sends the rest and waits for all. The first error, if there was one.
  Result<void> finish();

  /// add() and finish().
  Result<void> read(std::uint64_t offset, MutBytes out);

  /// Bytes whose requests have completed well, for progress.
  std::uint64_t bytes_done() const { return bytes_done_; }

private:
  struct Slot;
  static void completed(BlockRequest& request);
  Slot* open_slot();
  Result<void> send(Slot& slot);
  Result<void> flush_pending();

  BlockSource& source_;
  BlockGeometry shape_;
  bool* quarantined_;
  std::vector<std::unique_ptr<Slot>> slots_;
  Slot* pending_ = nullptr;
  std::size_t in_flight_ = 0;
  std::uint64_t bytes_done_ = 0;
  BlockStatus first_failure_ = BlockStatus::ok;
  std::uint64_t failed_offset_ = 0;
};

} // namespace pvboot
