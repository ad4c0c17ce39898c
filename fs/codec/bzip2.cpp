// bzip2 by libbz2, which checks each block's CRC and the stream's.
#include "fs/codec/decoders.hpp"

#include <algorithm>
#include <bzlib.h>
#include <limits>

namespace pvboot::codec {

namespace {

void* allocate(void* arena, int items, int size) {
  return static_cast<Arena*>(arena)->allocate(static_cast<std::size_t>(items) * static_cast<std::size_t>(size));
}
void release(void* arena, void* block) { static_cast<Arena*>(arena)->release(block); }

class Bzip2Decoder final : public WindowDecoder {
public:
  Bzip2Decoder(Arena& arena, MutBytes window) : WindowDecoder(window) {
    stream_.bzalloc = allocate;
    stream_.bzfree = release;
    stream_.opaque = &arena;
  }
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }

  Result<void> open() {
    constexpr int silent = 0;
    constexpr int fast = 0;
    if (BZ2_bzDecompressInit(&stream_, silent, fast) != BZ_OK)
      return arena_empty();
    return {};
  }

private:
  Result<std::size_t> decode(Bytes input) override {
    std::size_t taken = 0;
    while (taken < input.size() && !ended_) {
      const std::size_t progress = TRY(step(input.subspan(taken)));
      taken += progress;
    }
    return taken;
  }

  /// One call of libbz2; a full window still lets it see the end of the stream, which writes nothing.
  Result<std::size_t> step(Bytes input) {
    constexpr std::size_t most = std::numeric_limits<unsigned>::max() / 2;
    const MutBytes out = rest();
    std::byte spill;
    const bool full = out.empty();
    const auto in_size = static_cast<unsigned>(std::min(input.size(), most));
    const auto out_size = full ? 1 : static_cast<unsigned>(std::min(out.size(), most));
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(input.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<char*>(full ? &spill : out.data());
    stream_.avail_out = out_size;
    const int status = BZ2_bzDecompress(&stream_);
    const std::size_t taken = in_size - stream_.avail_in;
    const std::size_t written = out_size - stream_.avail_out;
    if (full && written != 0)
      return window_full();
    produced_ += written;
    switch (status) {
    case BZ_STREAM_END: ended_ = true; return taken;
    case BZ_OK: return taken == 0 && written == 0 ? Result<std::size_t>(bad_data()) : taken;
    case BZ_MEM_ERROR: return arena_empty();
    default: return bad_data(); // a wrong CRC is not told apart
    }
  }

  bz_stream stream_{};
};

} // namespace

Result<std::unique_ptr<Decoder>> open_bzip2(Arena& arena, MutBytes window) {
  auto decoder = std::make_unique<Bzip2Decoder>(arena, window);
  TRY(decoder->open());
  return decoder;
}

Result<std::uint64_t> bzip2_memory(Bytes head) {
  // "BZh" and a digit: blocks of so many 100,000 bytes, four bytes of memory for each, and the decoder's own state.
  constexpr std::uint64_t block_unit = 100'000;
  constexpr std::uint64_t state = 131072;
  const std::string_view digit = as_text(head).substr(std::min<std::size_t>(3, head.size()), 1);
  if (digit < "1" || digit > "9")
    return fail(Code::corrupt, "a damaged bzip2 header");
  return static_cast<std::uint64_t>(digit[0] - '0') * block_unit * 4 + state;
}

} // namespace pvboot::codec
