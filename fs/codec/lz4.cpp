// LZ4, in the legacy frame that Linux kernels carry and in the modern one, by liblz4's block functions.
//
// Both frames are lists of blocks behind a length. The modern frame's blocks may refer up to 64 KiB back into the
// blocks before them, which lie in the window. [lz4: lz4_Frame_format.md]
#include "fs/codec/piece_decoder.hpp"

#include <algorithm>
#include <lz4.h>

// XXH32 as liblz4's archive names it; no header of the package declares it.
extern "C" unsigned LZ4_XXH32(const void* input, std::size_t length, unsigned seed);

namespace pvboot::codec {

namespace {

constexpr std::uint32_t legacy_magic = 0x184c2102;
constexpr std::uint32_t frame_magic = 0x184d2204;
constexpr std::size_t legacy_block = 8 << 20;
constexpr std::size_t legacy_bound = LZ4_COMPRESSBOUND(legacy_block);

const char* chars(Bytes bytes) { return reinterpret_cast<const char*>(bytes.data()); }

std::uint32_t word(Bytes four) {
  le32 value;
  std::memcpy(&value, four.data(), sizeof(value));
  return value.get();
}

std::uint32_t checksum(Bytes bytes) { return LZ4_XXH32(bytes.data(), bytes.size(), 0); }

/// What both frames share: the decoding of one block to the end of what is produced.
class Lz4Decoder : public PieceDecoder {
protected:
  using PieceDecoder::PieceDecoder;

  /// `limit`: the most bytes a block may decode to. `history`: bytes before it that it may refer to.
  Result<void> decode_block(Bytes block, std::size_t limit, std::size_t history) {
    const MutBytes out = rest();
    const int room = static_cast<int>(std::min(out.size(), limit));
    const char* dictionary = reinterpret_cast<const char*>(out.data()) - history;
    char* to = reinterpret_cast<char*>(out.data());
    const int size = static_cast<int>(block.size());
    const int reach = static_cast<int>(history);
    const int written = LZ4_decompress_safe_usingDict(chars(block), to, size, room, dictionary, reach);
    if (written >= 0) {
      produced_ += static_cast<std::size_t>(written);
      return {};
    }
    // The library does not say why. If the same block fills the room without an error, only room was missing.
    if (out.size() < limit &&
        LZ4_decompress_safe_partial_usingDict(chars(block), to, size, room, room, dictionary, reach) == room)
      return window_full();
    return bad_data();
  }
};

class LegacyDecoder final : public Lz4Decoder {
public:
  LegacyDecoder(Arena& arena, MutBytes window) : Lz4Decoder(arena, window, sizeof(le32)) {}

private:
  Result<void> on_piece(Bytes piece) override {
    if (block_length_ == 0)
      return on_word(word(piece));
    TRY(decode_block(piece, legacy_block, 0));
    block_length_ = 0;
    piece_length_ = sizeof(le32);
    return {};
  }

  /// A block's length, or the magic again where frames were put behind each other; anything else is not ours.
  Result<void> on_word(std::uint32_t value) {
    if (value == legacy_magic)
      started_ = true;
    else if (!started_)
      return bad_data();
    else if (value == 0 || value > legacy_bound)
      ended_ = true;
    else
      piece_length_ = block_length_ = value;
    return {};
  }

  /// A frame ends where its input ends: at a block's boundary, perhaps with the size word that Linux appends.
  Result<void> end_of_input() override {
    const bool at_word = block_length_ == 0;
    const bool at_size_word = block_length_ != 0 && block_length_ == produced_;
    if (!started_ || !between_pieces() || !(at_word || at_size_word))
      return WindowDecoder::end_of_input();
    ended_ = true;
    return {};
  }

  bool started_ = false;
  std::size_t block_length_ = 0; ///< of the block that comes next; 0: a word comes next
};

/// The descriptor at the front of a modern frame.
struct FrameHeader {
  bool independent = false;
  bool block_checksums = false;
  bool content_checksum = false;
  std::size_t block_limit = 0;
  std::optional<std::uint64_t> content_size;
  std::size_t length = 0; ///< bytes, the magic and the header checksum included
};

/// How long the header is can be said from its first 5 bytes.
std::size_t frame_header_length(Bytes first) {
  const auto flags = std::to_integer<unsigned>(first[4]);
  return 7 + ((flags & 0x08) != 0 ? 8 : 0) + ((flags & 0x01) != 0 ? 4 : 0);
}

constexpr std::size_t shortest_frame_header = 7;

Result<FrameHeader> read_frame_header(Bytes bytes) {
  TRY(cut(bytes, 0, shortest_frame_header));
  if (word(bytes) != frame_magic)
    return bad_data();
  FrameHeader header;
  header.length = frame_header_length(bytes);
  TRY(cut(bytes, 0, header.length));
  const Bytes descriptor = TRY(cut(bytes, 4, header.length - 5));
  if (std::to_integer<unsigned>(bytes[header.length - 1]) != (checksum(descriptor) >> 8 & 0xff))
    return fail(Code::corrupt, "an LZ4 frame header does not match its checksum");
  const auto flags = std::to_integer<unsigned>(descriptor[0]);
  const auto size_code = std::to_integer<unsigned>(descriptor[1]) >> 4 & 7;
  if (flags >> 6 != 1 || size_code < 4)
    return fail(Code::unsupported, "an LZ4 frame of another version");
  if ((flags & 0x01) != 0)
    return fail(Code::unsupported, "the compressed data needs a dictionary of its own");
  header.independent = (flags & 0x20) != 0;
  header.block_checksums = (flags & 0x10) != 0;
  header.content_checksum = (flags & 0x04) != 0;
  header.block_limit = std::size_t{1} << (8 + 2 * size_code);
  if ((flags & 0x08) != 0)
    header.content_size = TRY(read_as<le64>(descriptor, 2)).get();
  return header;
}

class FrameDecoder final : public Lz4Decoder {
public:
  FrameDecoder(Arena& arena, MutBytes window) : Lz4Decoder(arena, window, first_piece) {}

private:
  enum class Next : std::uint8_t { header_start, header, block_length, block, content_checksum };

  Result<void> on_piece(Bytes piece) override {
    switch (next_) {
    case Next::header_start:
      std::memcpy(first_bytes_, piece.data(), piece.size());
      expect(Next::header, frame_header_length(piece) - piece.size());
      return {};
    case Next::header:
      std::memcpy(first_bytes_ + first_piece, piece.data(), piece.size());
      header_ = TRY(read_frame_header(Bytes(first_bytes_).first(first_piece + piece.size())));
      expect(Next::block_length, sizeof(le32));
      return {};
    case Next::block_length: return on_block_length(word(piece));
    case Next::block:
      TRY(on_block(piece));
      expect(Next::block_length, sizeof(le32));
      return {};
    case Next::content_checksum:
      if (word(piece) != checksum(window_.first(produced_)))
        return bad_checksum();
      return end();
    }
    return {};
  }

  Result<void> on_block_length(std::uint32_t value) {
    constexpr std::uint32_t stored_flag = 0x80000000;
    if (value == 0) {
      if (!header_.content_checksum)
        return end();
      expect(Next::content_checksum, sizeof(le32));
      return {};
    }
    stored_ = (value & stored_flag) != 0;
    const std::size_t length = value & ~stored_flag;
    if (length > header_.block_limit)
      return bad_data();
    expect(Next::block, length + (header_.block_checksums ? sizeof(le32) : 0));
    return {};
  }

  Result<void> on_block(Bytes block) {
    if (header_.block_checksums) {
      const Bytes sum = block.last(sizeof(le32));
      block = block.first(block.size() - sizeof(le32));
      if (word(sum) != checksum(block))
        return bad_checksum();
    }
    if (!stored_)
      return decode_block(block, header_.block_limit,
                          header_.independent ? 0 : std::min<std::size_t>(produced_, 65536));
    if (block.size() > rest().size())
      return window_full();
    if (!block.empty())
      std::memcpy(rest().data(), block.data(), block.size());
    produced_ += block.size();
    return {};
  }

  Result<void> end() {
    if (header_.content_size && *header_.content_size != produced_)
      return fail(Code::corrupt, "the decoded data has another length than its header states");
    ended_ = true;
    return {};
  }

  void expect(Next next, std::size_t length) {
    next_ = next;
    piece_length_ = length;
  }

  static constexpr std::size_t first_piece = 5;
  static constexpr std::size_t longest_header = 19;

  Next next_ = Next::header_start;
  bool stored_ = false;
  FrameHeader header_;
  std::byte first_bytes_[longest_header] = {};
};

} // namespace

Result<std::unique_ptr<Decoder>> open_lz4_legacy(Arena& arena, MutBytes window) {
  return std::make_unique<LegacyDecoder>(arena, window);
}

Result<std::unique_ptr<Decoder>> open_lz4_frame(Arena& arena, MutBytes window) {
  return std::make_unique<FrameDecoder>(arena, window);
}

std::uint64_t lz4_legacy_memory() { return legacy_bound + PieceDecoder::overhead; }

Result<std::uint64_t> lz4_frame_memory(Bytes head) {
  return TRY(read_frame_header(head)).block_limit + PieceDecoder::overhead;
}

std::optional<std::uint64_t> lz4_frame_size(Bytes head) {
  const auto header = read_frame_header(head);
  return header ? header->content_size : std::nullopt;
}

} // namespace pvboot::codec
