// Zstandard by libzstd, in its mode of a stable output buffer: the window is the output itself, so that frames made
// with a 128 MiB window (Debian's kernels) cost no memory beyond one block.
#define ZSTD_STATIC_LINKING_ONLY
#include "fs/codec/decoders.hpp"

#include <zstd.h>
#include <zstd_errors.h>

namespace pvboot::codec {

namespace {

void* allocate(void* arena, std::size_t size) { return static_cast<Arena*>(arena)->allocate(size); }
void release(void* arena, void* block) { static_cast<Arena*>(arena)->release(block); }

class ZstdDecoder final : public WindowDecoder {
public:
  ZstdDecoder(Arena& arena, MutBytes window)
      : WindowDecoder(window), context_(ZSTD_createDCtx_advanced({allocate, release, &arena})),
        out_{window.data(), window.size(), 0} {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }

  Result<void> open() {
    if (context_ == nullptr)
      return arena_empty();
    const auto set = [this](ZSTD_dParameter which, int value) {
      return ZSTD_isError(ZSTD_DCtx_setParameter(context_, which, value)) == 0;
    };
    if (!set(ZSTD_d_stableOutBuffer, 1) || !set(ZSTD_d_windowLogMax, ZSTD_WINDOWLOG_MAX_64))
      return fail(Code::unsupported, "this libzstd has no stable output buffers");
    return {};
  }

private:
  Result<std::size_t> decode(Bytes input) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    while (in.pos < in.size && !ended_) {
      const std::size_t before_in = in.pos;
      const std::size_t before_out = out_.pos;
      const std::size_t status = ZSTD_decompressStream(context_, &out_, &in);
      if (ZSTD_isError(status) != 0)
        return reason(ZSTD_getErrorCode(status));
      produced_ = out_.pos;
      ended_ = status == 0;
      if (!ended_ && in.pos == before_in && out_.pos == before_out)
        return bad_data();
    }
    return in.pos;
  }

  static std::unexpected<Error> reason(ZSTD_ErrorCode code) {
    switch (code) {
    case ZSTD_error_dstSize_tooSmall:
    case ZSTD_error_noForwardProgress_destFull: return window_full();
    case ZSTD_error_memory_allocation: return arena_empty();
    case ZSTD_error_checksum_wrong: return bad_checksum();
    case ZSTD_error_dictionary_wrong:
    case ZSTD_error_dictionary_corrupted:
      return fail(Code::unsupported, "the compressed data needs a dictionary of its own");
    default: return bad_data();
    }
  }

  ZSTD_DCtx* context_;
  ZSTD_outBuffer out_;
};

} // namespace

Result<std::unique_ptr<Decoder>> open_zstd(Arena& arena, MutBytes window) {
  auto decoder = std::make_unique<ZstdDecoder>(arena, window);
  TRY(decoder->open());
  return decoder;
}

std::uint64_t zstd_memory() {
  constexpr std::uint64_t slack = 4096;
  return ZSTD_estimateDCtxSize() + ZSTD_BLOCKSIZE_MAX + slack;
}

std::optional<std::uint64_t> zstd_size(Bytes head) {
  const auto size = ZSTD_getFrameContentSize(head.data(), head.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR)
    return std::nullopt;
  return size;
}

} // namespace pvboot::codec
