// A file from its beginning to its end, in chunks, with the next chunks already on their way: so a decompressor is
// fed while the disk works.
//
// The caller's buffer is cut into chunks; all but the one that was handed out last are being read ahead. Chunks come
// in order, each complete. An error comes in the place of the chunk that it concerns and of all after it; others may
// be in flight then. The destructor waits for them.
#pragma once

#include "fs/file.hpp"

#include <optional>
#include <vector>

namespace pvboot::fs {

class FileStream {
public:
  static constexpr std::size_t default_chunk = 1 << 20;

  /// `buffer` begins on a page and holds at least one chunk, two to read ahead; `chunk` is a multiple of a page; else
  /// next() fails with Code::invalid. Reading begins at the byte `start`. File and buffer outlive the stream.
  FileStream(File& file, MutBytes buffer, std::size_t chunk = default_chunk, std::uint64_t start = 0);
  ~FileStream();
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  /// The bytes that follow, valid until the next call; empty at the end of the file.
  Result<Bytes> next();

  /// Where in the file the bytes of the following next() begin.
  std::uint64_t position() const { return position_; }

  /// Waits for what is in flight; then whether a device may still write into the buffer. To be asked before the
  /// buffer is used for anything else, however the stream ended.
  bool quarantined();

private:
  struct Slot { ///< one chunk's part of the buffer
    unsigned in_flight = 0;
    BlockStatus status = BlockStatus::ok;
    std::uint64_t failed_offset = 0; ///< on the device
    BlockSource* failed_source = nullptr;
  };
  struct Request {
    BlockRequest block;
    MutBytes segment;
    std::uint64_t offset = 0; ///< on the device, as submitted
    BlockSource* source = nullptr;
    FileStream* owner = nullptr;
    Slot* slot = nullptr; ///< null: free
  };

  static void completed(BlockRequest& block);
  void read_ahead();
  Result<std::size_t> start_piece(const Run& run, MutBytes out, Slot& slot);
  Result<std::size_t> submit(const Run& run, MutBytes out, std::size_t useful, Slot& slot);
  void wait();
  void drain();
  Result<Bytes> fail_with(Error error);
  Request* free_request();
  Request* busy_request();
  std::uint64_t chunk_of(std::uint64_t offset) const { return (offset - base_) / chunk_; }
  std::uint64_t end_of(std::uint64_t chunk) const;

  static constexpr std::size_t max_requests = 64;

  File& file_;
  MutBytes buffer_;
  std::size_t chunk_;
  std::uint64_t base_;           ///< where chunk 0 begins in the file: `start`, rounded down to a page
  std::uint64_t size_;           ///< the file's
  std::uint64_t position_;       ///< what the caller has been given
  std::uint64_t issued_;         ///< what has been asked for, or filled in
  std::uint64_t first_kept_ = 0; ///< the oldest chunk whose memory is in use
  bool lent_ = false;            ///< the caller has chunk first_kept_
  bool quarantined_ = false;
  std::vector<Slot> slots_;
  std::vector<Request> requests_;
  BlockSource* full_ = nullptr;  ///< the device that took no more
  std::optional<Error> failure_; ///< of what comes at issued_
  std::optional<Error> ended_;   ///< what next() says from now on
};

} // namespace pvboot::fs
