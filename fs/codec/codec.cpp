#include "fs/codec/codec.hpp"

#include "fs/codec/decoders.hpp"

#include <array>

namespace pvboot::codec {

namespace {

struct Magic {
  Codec codec;
  std::string_view bytes;
};

constexpr std::array magics{
    Magic{Codec::gzip, "\x1f\x8b\x08"},
    Magic{Codec::xz, std::string_view("\xfd"
                                      "7zXZ\0",
                                      6)},
    Magic{Codec::zstd, "\x28\xb5\x2f\xfd"},
    Magic{Codec::lz4_legacy, "\x02\x21\x4c\x18"},
    Magic{Codec::lz4_frame, "\x04\x22\x4d\x18"},
    Magic{Codec::lzo, std::string_view("\x89LZO\0\r\n\x1a\n", 9)},
    Magic{Codec::bzip2, "BZh"},
};

/// The properties byte that every encoder in use writes, a dictionary of 2^n or 2^n + 2^(n-1) bytes, and a size
/// that is unknown or below 256 GiB: what XZ Utils goes by.
bool looks_like_lzma(Bytes head) {
  const auto properties = read_as<Endian<std::uint8_t, false>>(head);
  const auto dictionary = read_as<le32>(head, 1);
  const auto size = read_as<le64>(head, 5);
  if (!properties || !dictionary || !size || properties->get() != 0x5d)
    return false;
  std::uint32_t bits = dictionary->get();
  if (bits == 0)
    return false;
  bits >>= __builtin_ctz(bits);
  const bool unknown = size->get() == ~std::uint64_t{0};
  return (bits == 1 || bits == 3) && (unknown || size->get() < (std::uint64_t{1} << 38));
}

} // namespace

std::string_view name(Codec codec) {
  switch (codec) {
  case Codec::gzip: return "gzip";
  case Codec::bzip2: return "bzip2";
  case Codec::lzma: return "LZMA";
  case Codec::xz: return "XZ";
  case Codec::lzo: return "LZO";
  case Codec::lz4_legacy: return "LZ4 (legacy frame)";
  case Codec::lz4_frame: return "LZ4";
  case Codec::zstd: return "Zstandard";
  }
  return {};
}

std::optional<Codec> detect(Bytes head) {
  for (const Magic& magic : magics)
    if (as_text(head).starts_with(magic.bytes))
      return magic.codec;
  if (looks_like_lzma(head))
    return Codec::lzma;
  return std::nullopt;
}

Result<std::uint64_t> memory_needed(Codec codec, Bytes head) {
  // inflate's state and its 32 KiB window.
  constexpr std::uint64_t gzip_memory = 65536;
  const auto needed = [&]() -> Result<std::uint64_t> {
    switch (codec) {
    case Codec::gzip: return gzip_memory;
    case Codec::lzma: return lzma_memory(head);
    case Codec::xz: return xz_memory(head);
    case Codec::lzo: return lzo_memory(head);
    case Codec::lz4_legacy: return lz4_legacy_memory();
    case Codec::lz4_frame: return lz4_frame_memory(head);
    case Codec::zstd: return zstd_memory();
    case Codec::bzip2: return bzip2_memory(head);
    }
    return fail(Code::unsupported, "a compression that is not known");
  }();
  const std::uint64_t bytes = TRY(needed);
  if (bytes > max_decoder_memory)
    return fail(Code::too_large, "the compressed data asks for an absurd amount of decoder memory");
  return bytes;
}

std::optional<std::uint64_t> stated_size(Codec codec, Bytes head, Bytes tail) {
  switch (codec) {
  case Codec::gzip: return gzip_size(tail);
  case Codec::lzma: return lzma_size(head);
  case Codec::xz: return xz_size(tail);
  case Codec::lz4_frame: return lz4_frame_size(head);
  case Codec::zstd: return zstd_size(head);
  case Codec::bzip2:
  case Codec::lzo:
  case Codec::lz4_legacy: break;
  }
  return std::nullopt;
}

} // namespace pvboot::codec
