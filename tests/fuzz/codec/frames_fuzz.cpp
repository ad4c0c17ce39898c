// The framing of LZO and LZ4 files: headers of all kinds and lists of blocks, whose checksums are right unless the
// input says otherwise, so that what lies behind a checksum is reached. Where all is in order and stored as it is, the
// content has to come out.
#include "fs/codec/decoder.hpp"

#include "tests/fuzz/script.hpp"

#include <algorithm>
#include <memory>
#include <vector>
#include <zlib.h>

extern "C" unsigned LZ4_XXH32(const void* input, std::size_t length, unsigned seed);

using namespace pvboot;

namespace {

using Octets = std::vector<std::byte>;

std::uint32_t adler(Bytes bytes) {
  return static_cast<std::uint32_t>(adler32_z(1, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
std::uint32_t crc(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
std::uint32_t xxh(Bytes bytes) { return LZ4_XXH32(bytes.data(), bytes.size(), 0); }

/// A frame as it grows, and what it should decode to as long as that is sure.
struct Frame {
  Octets bytes;
  Octets content;
  bool sound = true; ///< all is in order, and no block is compressed

  template <typename T> void put(T field) {
    const Bytes raw = std::as_bytes(std::span(&field, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  void put(Bytes raw) { bytes.insert(bytes.end(), raw.begin(), raw.end()); }
  void octet(unsigned value) { bytes.push_back(static_cast<std::byte>(value)); }
};

/// Mostly what it should be.
std::uint32_t perhaps(Script& script, Frame& frame, std::uint32_t right) {
  if (script.byte() < 250)
    return right;
  const auto other = script.number<std::uint32_t>();
  frame.sound = frame.sound && other == right;
  return other;
}

Octets take(Script& script, std::size_t length) {
  Octets bytes(length);
  for (std::byte& one : bytes)
    one = std::byte{script.byte()};
  return bytes;
}

enum LzopFlag : std::uint32_t {
  adler_decoded = 0x1,
  adler_stored = 0x2,
  crc_decoded = 0x100,
  crc_stored = 0x200,
  crc_header = 0x1000,
};

void lzop_blocks(Script& script, Frame& frame, std::uint32_t flags) {
  for (unsigned blocks = script.byte() % 6; blocks > 0; --blocks) {
    const Octets data = take(script, 1 + script.byte());
    const bool stored = script.flag();
    const std::size_t decoded = stored ? data.size() : data.size() + 1 + script.byte();
    frame.sound = frame.sound && stored;
    frame.put(be32(perhaps(script, frame, static_cast<std::uint32_t>(decoded))));
    frame.put(be32(perhaps(script, frame, static_cast<std::uint32_t>(data.size()))));
    if ((flags & adler_decoded) != 0)
      frame.put(be32(perhaps(script, frame, adler(data))));
    if ((flags & crc_decoded) != 0)
      frame.put(be32(perhaps(script, frame, crc(data))));
    if ((flags & adler_stored) != 0 && !stored)
      frame.put(be32(perhaps(script, frame, adler(data))));
    if ((flags & crc_stored) != 0 && !stored)
      frame.put(be32(perhaps(script, frame, crc(data))));
    frame.put(Bytes(data));
    frame.content.insert(frame.content.end(), data.begin(), data.end());
  }
  frame.put(be32(perhaps(script, frame, 0)));
}

Frame lzop(Script& script) {
  Frame frame;
  frame.put(as_bytes(std::string_view("\x89LZO\0\r\n\x1a\n", 9)));
  const std::size_t checked_from = frame.bytes.size();
  const bool modern = script.byte() < 200;
  frame.put(be16(modern ? 0x1040 : 0x0900));
  frame.put(be16(0x2080));
  if (modern)
    frame.put(be16(0x0940));
  frame.octet(1 + script.byte() % 3);
  if (modern)
    frame.octet(5);
  const std::uint32_t kinds[] = {0,
                                 adler_decoded,
                                 adler_decoded | adler_stored,
                                 crc_decoded | crc_stored,
                                 adler_decoded | crc_decoded | crc_header,
                                 script.number<std::uint16_t>()};
  const std::uint32_t flags = script.one_of(kinds);
  frame.sound = frame.sound && (flags & 0xc40) == 0;
  frame.put(be32(flags));
  frame.put(Bytes(take(script, modern ? 12 : 8)));
  const unsigned name = script.byte() % 32;
  frame.octet(name);
  frame.put(Bytes(take(script, name)));
  const Bytes checked = Bytes(frame.bytes).subspan(checked_from);
  frame.put(be32(perhaps(script, frame, (flags & crc_header) != 0 ? crc(checked) : adler(checked))));
  lzop_blocks(script, frame, flags);
  return frame;
}

Frame lz4(Script& script) {
  Frame frame;
  frame.put(le32(0x184d2204));
  const unsigned flags = 0x40u | (script.byte() & 0x3cu); // version 1, no dictionary
  const unsigned size_code = 4 + script.byte() % 4;
  const bool states_size = (flags & 0x08) != 0;
  frame.octet(flags);
  frame.octet(size_code << 4);
  std::vector<std::pair<bool, Octets>> blocks(script.byte() % 6);
  std::uint64_t total = 0;
  for (auto& [stored, data] : blocks) {
    stored = script.flag();
    data = take(script, 1 + script.byte());
    total += data.size();
    frame.sound = frame.sound && stored;
  }
  if (states_size)
    frame.put(le64(perhaps(script, frame, static_cast<std::uint32_t>(total))));
  const unsigned sum = xxh(Bytes(frame.bytes).subspan(4)) >> 8 & 0xff;
  frame.octet(sum);
  for (const auto& [stored, data] : blocks) {
    const auto length = static_cast<std::uint32_t>(data.size());
    frame.put(le32(perhaps(script, frame, length | (stored ? 0x80000000u : 0u))));
    frame.put(Bytes(data));
    if ((flags & 0x10) != 0)
      frame.put(le32(perhaps(script, frame, xxh(data))));
    frame.content.insert(frame.content.end(), data.begin(), data.end());
  }
  frame.put(le32(perhaps(script, frame, 0)));
  if ((flags & 0x04) != 0)
    frame.put(le32(perhaps(script, frame, xxh(frame.content))));
  return frame;
}

/// Every block of a legacy frame is compressed: nothing is sure but that it ends.
Frame lz4_legacy(Script& script) {
  Frame frame;
  frame.sound = false;
  frame.put(le32(0x184c2102));
  for (unsigned blocks = script.byte() % 6; blocks > 0; --blocks) {
    const Octets data = take(script, 1 + script.byte());
    frame.put(le32(perhaps(script, frame, static_cast<std::uint32_t>(data.size()))));
    frame.put(Bytes(data));
  }
  return frame;
}

Result<std::size_t> decode(Bytes frame, std::size_t chunk_size, MutBytes window) {
  const auto codec = codec::detect(frame);
  require(codec.has_value());
  static_cast<void>(codec::memory_needed(*codec, frame));
  // Enough for every block that is made here; one that claims to be longer finds no room.
  constexpr std::size_t arena_size = 1 << 16;
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(arena_size);
  codec::Arena arena(MutBytes(memory.get(), arena_size));
  const auto decoder = TRY(codec::open_decoder(*codec, arena, window));
  for (std::size_t at = 0; at < frame.size() && !decoder->ended();) {
    const Bytes chunk = frame.subspan(at, std::min(chunk_size, frame.size() - at));
    const auto copy = std::make_unique_for_overwrite<std::byte[]>(chunk.size());
    std::ranges::copy(chunk, copy.get());
    const std::size_t taken = TRY(decoder->feed(Bytes(copy.get(), chunk.size())));
    require(taken == chunk.size() || decoder->ended());
    at += taken;
    require(decoder->produced() <= window.size());
  }
  TRY(decoder->finish());
  return decoder->produced();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(std::span(data, size));
  const unsigned kind = script.byte() % 3;
  const std::size_t chunk_size = std::size_t{1} << script.byte() % 12;
  const Frame frame = kind == 0 ? lzop(script) : kind == 1 ? lz4(script) : lz4_legacy(script);
  std::vector<std::byte> window(4096);
  const auto produced = decode(frame.bytes, chunk_size, window);
  if (frame.sound)
    require(produced && std::ranges::equal(Bytes(window).first(*produced), frame.content));
  return 0;
}
