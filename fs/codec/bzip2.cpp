// bzip2 by libbz2, which checks each block's CRC and the stream's.
#include "fs/codec/stream_decoder.hpp"

#include <bzlib.h>

namespace pvboot::codec {

namespace {

void* allocate(void* arena, int items, int size) {
  return static_cast<Arena*>(arena)->allocate(static_cast<std::size_t>(items) * static_cast<std::size_t>(size));
}
void release(void* arena, void* block) { static_cast<Arena*>(arena)->release(block); }

class Bzip2Decoder final : public StreamDecoder<bz_stream> {
public:
  Bzip2Decoder(Arena& arena, MutBytes window) : StreamDecoder(window) {
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
  int call() override { return BZ2_bzDecompress(&stream_); }

  Result<void> judge(int status, bool moved) override {
    switch (status) {
    case BZ_STREAM_END: ended_ = true; return {};
    case BZ_OK: return moved ? Result<void>{} : Result<void>(bad_data());
    case BZ_MEM_ERROR: return arena_empty();
    default: return bad_data(); // a wrong CRC is not told apart
    }
  }
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
