// A kernel file, read once from front to back: through its decompressor into a staging window.
//
// The window's content is the ELF file (window offset = ELF file offset), so that whoever loads it can rename whole
// pages by p_offset. The layout is known as soon as ELF header, program headers and notes have streamed past; in
// Debian's kernels that is before half of the file.
//
//   KernelStream stream(head, source, window, arena);
//   const KernelInfo* info = TRY(stream.read_layout());   // plan while the rest is still to come
//   TRY(stream.read_all());
//
// The source gives the *file's* bytes from offset 0 on in chunks of any size; the stream skips what lies before the
// payload and stops asking when the payload is over. A bare ELF that was read straight into the window needs no
// stream: read_kernel_info() tells all from it.
//
// The layout is told from whatever could be decoded before a failure, so that what is wrong with a kernel does not
// depend on the sizes of chunks.
//
// Fails as codec::Decoder, read_kernel_info, not_a_kernel() and the source do, with Code::corrupt when the file is
// shorter than its own headers say, and with Code::too_large when a bare ELF is larger than the window.
#pragma once

#include "fs/codec/decoder.hpp"
#include "loader/image/kernel_file.hpp"
#include "loader/image/kernel_info.hpp"

namespace pvboot::image {

/// Gives a file's bytes in order.
class ChunkSource {
public:
  virtual ~ChunkSource() = default;

  /// The next bytes, valid until the next call; empty at the end of the file.
  virtual Result<Bytes> next() = 0;
};

class KernelStream {
public:
  /// `source`, `window` and `arena` must outlive the stream; the arena has head.decoder_memory bytes. Of the window no
  /// more than head.window_size() is used: that it ends at a page's end makes no room for what the file does not state.
  KernelStream(const ImageHead& head, ChunkSource& source, MutBytes window, codec::Arena& arena);
  ~KernelStream();
  KernelStream(const KernelStream&) = delete;
  KernelStream& operator=(const KernelStream&) = delete;

  /// Reads until the layout is known. It stays valid as long as the stream.
  Result<const KernelInfo*> read_layout();

  /// Reads to the end of the kernel: checksums and stated sizes hold, and every segment's bytes are there.
  Result<void> read_all();

  /// One chunk of the source; false when there was nothing left to do. read_layout() and read_all() are loops of it.
  Result<bool> step();

  const KernelInfo* layout() const; ///< nullptr until it is known
  Bytes content() const;            ///< the part of the window that is final

private:
  Result<void> take_chunk();
  Result<void> take(Bytes part);
  Result<void> end_payload();
  Result<void> look();

  ImageHead head_;
  ChunkSource& source_;
  MutBytes window_;
  codec::Arena& arena_;
  std::unique_ptr<codec::Decoder> decoder_;
  std::optional<KernelInfo> layout_;
  std::optional<Error> failure_; ///< for the next step
  std::uint64_t file_offset_ = 0;
  std::size_t produced_ = 0;
  bool complete_ = false;
};

} // namespace pvboot::image
