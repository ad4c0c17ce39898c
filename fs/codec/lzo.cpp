// LZO in lzop's container, as `lzop -9` makes a kernel's payload, by liblzo2.
//
// A header with its own checksum, then blocks: decoded length, stored length, checksums as the header's flags say,
// data. A block whose two lengths are equal is stored as it is; a decoded length of 0 ends the file.
#include "fs/codec/piece_decoder.hpp"

#include <lzo/lzo1x.h>
#include <zlib.h>

namespace pvboot::codec {

namespace {

constexpr std::size_t magic_size = 9;
constexpr std::size_t max_block = 64 << 20; ///< lzop's own bound

enum Flag : std::uint32_t {
  adler_decoded = 0x1,
  adler_stored = 0x2,
  extra_field = 0x40,
  crc_decoded = 0x100,
  crc_stored = 0x200,
  multipart = 0x400,
  filter = 0x800,
  crc_header = 0x1000,
};

std::uint32_t adler(Bytes bytes) {
  return static_cast<std::uint32_t>(adler32_z(1, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
std::uint32_t crc(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct Header {
  std::uint32_t flags = 0;
  std::size_t length = 0; ///< bytes, from the magic to the header's checksum
};

/// Nothing as long as `bytes` is too short to say.
Result<std::optional<Header>> read_header(Bytes bytes) {
  std::uint64_t at = magic_size;
  const auto field = [&]<typename T>(T) -> std::optional<std::uint32_t> {
    const auto value = read_as<T>(bytes, at);
    at += sizeof(T);
    return value ? std::optional<std::uint32_t>(value->get()) : std::nullopt;
  };
  using octet = Endian<std::uint8_t, true>;

  const auto version = field(be16());
  constexpr std::uint32_t with_level = 0x0940;
  const bool modern = version && *version >= with_level;
  at += modern ? 4 : 2; // the library's version and the version needed to extract
  const auto method = field(octet());
  at += modern ? 1 : 0; // the level
  const auto flags = field(be32());
  if (!version || !method || !flags)
    return std::nullopt;
  if ((*flags & (extra_field | multipart | filter)) != 0 || *method < 1 || *method > 3)
    return fail(Code::unsupported, "a variant of lzop's format that is not read");
  at += modern ? 12 : 8; // mode and time
  const auto name_length = field(octet());
  if (!name_length)
    return std::nullopt;
  at += *name_length;
  const std::uint64_t checked_end = at;
  const auto sum = field(be32());
  if (!sum)
    return std::nullopt;
  const Bytes covered = TRY(cut(bytes, magic_size, checked_end - magic_size));
  if (*sum != ((*flags & crc_header) != 0 ? crc(covered) : adler(covered)))
    return fail(Code::corrupt, "an lzop header does not match its checksum");
  return Header{*flags, static_cast<std::size_t>(at)};
}

class LzoDecoder final : public PieceDecoder {
public:
  LzoDecoder(Arena& arena, MutBytes window) : PieceDecoder(arena, window, 1) {}

private:
  enum class Next : std::uint8_t { header, decoded_length, stored_length, block };

  Result<void> on_piece(Bytes piece) override {
    switch (next_) {
    case Next::header: return on_header_byte(piece);
    case Next::decoded_length:
      decoded_length_ = TRY(read_as<be32>(piece)).get();
      ended_ = decoded_length_ == 0;
      if (decoded_length_ > max_block)
        return bad_data();
      if (decoded_length_ > rest().size())
        return window_full();
      expect(Next::stored_length, sizeof(be32));
      return {};
    case Next::stored_length:
      stored_length_ = TRY(read_as<be32>(piece)).get();
      if (stored_length_ == 0 || stored_length_ > decoded_length_)
        return bad_data();
      expect(Next::block, checksums_length() + stored_length_);
      return {};
    case Next::block:
      TRY(on_block(piece));
      expect(Next::decoded_length, sizeof(be32));
      return {};
    }
    return {};
  }

  /// The header's length is known only from the header: it is taken byte by byte.
  Result<void> on_header_byte(Bytes byte) {
    header_bytes_[header_length_++] = byte[0];
    const auto header = TRY(read_header(Bytes(header_bytes_).first(header_length_)));
    if (header) {
      flags_ = header->flags;
      expect(Next::decoded_length, sizeof(be32));
    } else if (header_length_ == sizeof(header_bytes_)) {
      return bad_data();
    }
    return {};
  }

  bool is_stored() const { return stored_length_ == decoded_length_; }

  std::size_t checksums_length() const {
    std::size_t length = 0;
    for (const Flag flag : {adler_decoded, crc_decoded, adler_stored, crc_stored}) {
      const bool of_stored_bytes = flag == adler_stored || flag == crc_stored;
      if ((flags_ & flag) != 0 && !(of_stored_bytes && is_stored()))
        length += sizeof(be32);
    }
    return length;
  }

  Result<void> on_block(Bytes piece) {
    const Bytes data = piece.last(stored_length_);
    const MutBytes out = rest().first(decoded_length_);
    if (is_stored()) {
      std::memcpy(out.data(), data.data(), data.size());
    } else {
      lzo_uint written = out.size();
      const int status = lzo1x_decompress_safe(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
                                               reinterpret_cast<unsigned char*>(out.data()), &written, nullptr);
      if (status != LZO_E_OK || written != out.size())
        return bad_data();
    }
    std::uint64_t at = 0;
    const auto matches = [&](Flag flag, Bytes over, std::uint32_t (*sum)(Bytes)) {
      if ((flags_ & flag) == 0)
        return true;
      const auto expected = read_as<be32>(piece, at);
      at += sizeof(be32);
      return expected && expected->get() == sum(over);
    };
    if (!matches(adler_decoded, out, adler) || !matches(crc_decoded, out, crc))
      return bad_checksum();
    if (!is_stored() && (!matches(adler_stored, data, adler) || !matches(crc_stored, data, crc)))
      return bad_checksum();
    produced_ += out.size();
    return {};
  }

  void expect(Next next, std::size_t length) {
    next_ = next;
    piece_length_ = length;
  }

  Next next_ = Next::header;
  std::size_t header_length_ = 0;
  std::byte header_bytes_[512] = {};
  std::uint32_t flags_ = 0;
  std::size_t decoded_length_ = 0;
  std::size_t stored_length_ = 0;
};

} // namespace

Result<std::unique_ptr<Decoder>> open_lzo(Arena& arena, MutBytes window) {
  return std::make_unique<LzoDecoder>(arena, window);
}

Result<std::uint64_t> lzo_memory(Bytes head) {
  const auto header = TRY(read_header(head));
  if (!header)
    return fail(Code::corrupt, "compressed data ends early");
  const auto first_block = TRY(read_as<be32>(head, header->length));
  if (first_block.get() > max_block)
    return bad_data();
  return first_block.get() + PieceDecoder::overhead;
}

} // namespace pvboot::codec
