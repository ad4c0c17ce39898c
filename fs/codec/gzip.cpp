// gzip by zlib's inflate, which checks the header, the CRC and the length.
#include "fs/codec/stream_decoder.hpp"

#include <zlib.h>

namespace pvboot::codec {

namespace {

voidpf allocate(voidpf arena, uInt items, uInt size) {
  return static_cast<Arena*>(arena)->allocate(std::size_t{items} * size);
}
void release(voidpf arena, voidpf block) { static_cast<Arena*>(arena)->release(block); }

class GzipDecoder final : public StreamDecoder<z_stream> {
public:
  GzipDecoder(Arena& arena, MutBytes window) : StreamDecoder(window) {
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
  int call() override { return inflate(&stream_, Z_NO_FLUSH); }

  Result<void> judge(int status, bool) override {
    switch (status) {
    case Z_STREAM_END: ended_ = true; return {};
    case Z_OK: return {};
    case Z_BUF_ERROR: return bad_data(); // no progress, although there is input and room
    case Z_MEM_ERROR: return arena_empty();
    default: return sum_differs() ? bad_checksum() : bad_data();
    }
  }

  /// zlib gives its reasons as text only; a wrong CRC or length is found after all data has come out.
  bool sum_differs() const {
    const std::string_view reason = stream_.msg != nullptr ? stream_.msg : "";
    return reason == "incorrect data check" || reason == "incorrect length check";
  }
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
