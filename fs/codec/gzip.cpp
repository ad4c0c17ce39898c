// gzip by zlib's inflate, which checks the header, the CRC and the length.
#include "fs/codec/decoders.hpp"

#include <algorithm>
#include <limits>
#include <zlib.h>

namespace pvboot::codec {

namespace {

voidpf allocate(voidpf arena, uInt items, uInt size) {
  return static_cast<Arena*>(arena)->allocate(std::size_t{items} * size);
}
void release(voidpf arena, voidpf block) { static_cast<Arena*>(arena)->release(block); }

class GzipDecoder final : public WindowDecoder {
public:
  GzipDecoder(Arena& arena, MutBytes window) : WindowDecoder(window) {
    stream_.zalloc = allocate;
    stream_.zfree = release;
    stream_.opaque = &arena;
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  Result<void> open() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK)
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

  /// One call of inflate; a full window still lets it see the end of the stream, which writes nothing.
  Result<std::size_t> step(Bytes input) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max() / 2;
    const MutBytes out = rest();
    std::byte spill;
    const bool full = out.empty();
    const uInt in_size = static_cast<uInt>(std::min(input.size(), most));
    const uInt out_size = full ? 1 : static_cast<uInt>(std::min(out.size(), most));
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(full ? &spill : out.data());
    stream_.avail_out = out_size;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t written = out_size - stream_.avail_out;
    if (full && written != 0)
      return window_full();
    produced_ += written;
    switch (status) {
    case Z_STREAM_END: ended_ = true; [[fallthrough]];
    case Z_OK: return in_size - stream_.avail_in;
    case Z_BUF_ERROR: return bad_data(); // no progress, although there is input and room
    case Z_MEM_ERROR: return arena_empty();
    default:
      // zlib gives its reasons as text only; a wrong CRC or length is found after all data has come out.
      if (stream_.msg != nullptr && std::string_view(stream_.msg).ends_with(" check") &&
          std::string_view(stream_.msg).starts_with("incorrect "))
        return bad_checksum();
      return bad_data();
    }
  }

  z_stream stream_{};
};

} // namespace

Result<std::unique_ptr<Decoder>> open_gzip(Arena& arena, MutBytes window) {
  auto decoder = std::make_unique<GzipDecoder>(arena, window);
  TRY(decoder->open());
  return decoder;
}

std::optional<std::uint64_t> gzip_size(Bytes tail) {
  if (tail.size() < 4)
    return std::nullopt;
  const auto size = read_as<le32>(tail, tail.size() - 4);
  return size ? std::optional<std::uint64_t>(size->get()) : std::nullopt;
}

} // namespace pvboot::codec
