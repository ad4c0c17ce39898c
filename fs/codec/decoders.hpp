// The decoders behind open_decoder(), one function a format; and what each knows of its own header.
#pragma once

#include "fs/codec/decoder.hpp"

namespace pvboot::codec {

Result<std::unique_ptr<Decoder>> open_gzip(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_bzip2(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_lzma(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_xz(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_lzo(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_lz4_legacy(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_lz4_frame(Arena& arena, MutBytes window);
Result<std::unique_ptr<Decoder>> open_zstd(Arena& arena, MutBytes window);

Result<std::uint64_t> bzip2_memory(Bytes head);
Result<std::uint64_t> lzma_memory(Bytes head);
Result<std::uint64_t> xz_memory(Bytes head);
Result<std::uint64_t> lzo_memory(Bytes head);
Result<std::uint64_t> lz4_frame_memory(Bytes head);
std::uint64_t lz4_legacy_memory();
std::uint64_t zstd_memory();

std::optional<std::uint64_t> gzip_size(Bytes tail);
std::optional<std::uint64_t> lzma_size(Bytes head);
std::optional<std::uint64_t> xz_size(Bytes tail);
std::optional<std::uint64_t> lz4_frame_size(Bytes head);
std::optional<std::uint64_t> zstd_size(Bytes head);

/// What every decoder keeps: the window, how much of it is final, whether the stream has ended, the first failure.
class WindowDecoder : public Decoder {
public:
  explicit WindowDecoder(MutBytes window) : window_(window) {}

  Result<std::size_t> feed(Bytes input) final {
    if (failure_)
      return std::unexpected(*failure_);
    if (ended_)
      return 0;
    auto taken = decode(input);
    if (!taken)
      failure_ = taken.error();
    return taken;
  }

  Result<void> finish() final {
    if (failure_)
      return std::unexpected(*failure_);
    return ended_ ? Result<void>{} : end_of_input();
  }

  bool ended() const final { return ended_; }
  std::size_t produced() const final { return produced_; }

protected:
  /// feed() before the end and before any failure.
  virtual Result<std::size_t> decode(Bytes input) = 0;

  /// finish() before the end and before any failure.
  virtual Result<void> end_of_input() { return fail(Code::corrupt, "compressed data ends early"); }

  MutBytes rest() const { return window_.subspan(produced_); }

  MutBytes window_;
  std::size_t produced_ = 0;
  bool ended_ = false;

private:
  std::optional<Error> failure_;
};

inline std::unexpected<Error> window_full() {
  return fail(Code::too_large, "decodes to more bytes than there is room for");
}
inline std::unexpected<Error> arena_empty() {
  return fail(Code::out_of_memory, "the decoder needs more memory than it was given");
}
inline std::unexpected<Error> bad_checksum() {
  return fail(Code::corrupt, "the decoded data does not match its checksum");
}
inline std::unexpected<Error> bad_data() { return fail(Code::corrupt, "compressed data is damaged"); }

} // namespace pvboot::codec
