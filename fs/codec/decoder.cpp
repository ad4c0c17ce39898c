#include "fs/codec/decoder.hpp"

#include "fs/codec/decoders.hpp"

namespace pvboot::codec {

Result<std::unique_ptr<Decoder>> open_decoder(Codec codec, Arena& arena, MutBytes window) {
  switch (codec) {
  case Codec::gzip: return open_gzip(arena, window);
  case Codec::lzma: return open_lzma(arena, window);
  case Codec::xz: return open_xz(arena, window);
  case Codec::lzo: return open_lzo(arena, window);
  case Codec::lz4_legacy: return open_lz4_legacy(arena, window);
  case Codec::lz4_frame: return open_lz4_frame(arena, window);
  case Codec::zstd: return open_zstd(arena, window);
  case Codec::bzip2: return open_bzip2(arena, window);
  }
  return fail(Code::unsupported, "a compression that is not known");
}

} // namespace pvboot::codec
