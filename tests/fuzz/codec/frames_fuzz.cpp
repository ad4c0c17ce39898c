// The framing of compressed files: headers of all kinds and lists of blocks, whose checksums are right unless the input
// says otherwise, so that what lies behind a checksum is reached. Where all is in order the content has to come out,
// with no more memory than was asked for and not a byte past the window.
#include "fs/codec/decoder.hpp"

#include "frame.hpp"

#include <algorithm>
#include <memory>
#include <sys/mman.h>

extern "C" unsigned LZ4_XXH32(const void* input, std::size_t length, unsigned seed);

using namespace pvboot;

namespace {

std::uint32_t adler(Bytes bytes) {
  return static_cast<std::uint32_t>(adler32_z(1, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
std::uint32_t xxh(Bytes bytes) { return LZ4_XXH32(bytes.data(), bytes.size(), 0); }

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
  frame.states_size = (flags & 0x08) != 0;
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
  if (frame.states_size)
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

/// As much as a decoder asks for, and not a byte behind that.
class ArenaMemory {
public:
  explicit ArenaMemory(std::size_t size) {
    if (size <= 1 << 20)
      heap_ = std::make_unique_for_overwrite<std::byte[]>(size);
    bytes_ = heap_ ? MutBytes(heap_.get(), size) : address_space().last(size);
  }

  MutBytes bytes() const { return bytes_; }

private:
  /// Dictionaries are huge, and here hardly any of one is written to.
  static MutBytes address_space() {
    static void* const begin = mmap(nullptr, codec::max_decoder_memory, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(begin != MAP_FAILED);
    return {static_cast<std::byte*>(begin), codec::max_decoder_memory};
  }

  std::unique_ptr<std::byte[]> heap_;
  MutBytes bytes_;
};

/// Enough for every block of LZO and LZ4 that is made here; one that claims to be longer finds no room.
constexpr std::size_t usual_memory = 1 << 16;

std::size_t arena_size(codec::Codec codec, const Result<std::uint64_t>& needed) {
  const bool exact = needed && (codec == codec::Codec::xz || codec == codec::Codec::gzip);
  return exact ? static_cast<std::size_t>(*needed) : usual_memory;
}

struct Decoded {
  std::size_t produced;
  std::size_t consumed;
};

Result<std::size_t> feed_all(codec::Decoder& decoder, Bytes frame, std::size_t chunk_size, std::size_t window_size) {
  std::size_t at = 0;
  while (at < frame.size() && !decoder.ended()) {
    const Bytes chunk = frame.subspan(at, std::min(chunk_size, frame.size() - at));
    const auto copy = std::make_unique_for_overwrite<std::byte[]>(chunk.size());
    std::ranges::copy(chunk, copy.get());
    const auto taken = decoder.feed(Bytes(copy.get(), chunk.size()));
    require(decoder.produced() <= window_size);
    require(taken || (!decoder.feed(frame) && !decoder.finish()));
    at += TRY(taken);
    require(*taken == chunk.size() || decoder.ended());
  }
  TRY(decoder.finish());
  return at;
}

Result<Decoded> decode(Bytes frame, std::size_t chunk_size, MutBytes window) {
  const auto codec = codec::detect(frame);
  require(codec.has_value());
  const auto needed = codec::memory_needed(*codec, frame.first(std::min(frame.size(), codec::head_size)));
  const ArenaMemory memory(arena_size(*codec, needed));
  codec::Arena arena(memory.bytes());
  const auto decoder = TRY(codec::open_decoder(*codec, arena, window));
  const auto consumed = feed_all(*decoder, frame, chunk_size, window.size());
  // What the one refuses the other does not read.
  require(needed || !consumed);
  return Decoded{.produced = decoder->produced(), .consumed = TRY(consumed)};
}

bool is_promised(Code code) {
  return code == Code::corrupt || code == Code::too_large || code == Code::out_of_memory || code == Code::unsupported;
}

std::optional<std::uint64_t> stated_size(Bytes frame) {
  return codec::stated_size(codec::detect(frame).value(), frame.first(std::min(frame.size(), codec::head_size)),
                            frame.last(std::min(frame.size(), codec::tail_size)));
}

/// The CRC32 and the size of nothing are 0: a gzip member that ends before its time may find them in any zeroes.
bool is_nothing(Bytes frame, const Decoded& decoded) {
  constexpr char zeroes[8] = {};
  return decoded.produced == 0 && as_text(frame.first(decoded.consumed)).ends_with(std::string_view(zeroes, 8));
}

void check(const Frame& frame, std::size_t chunk_size, MutBytes window) {
  const auto decoded = decode(frame.bytes, chunk_size, window);
  const bool fits = frame.content.size() <= window.size();
  require(decoded || is_promised(decoded.error().code()));
  if (frame.sound && fits)
    require(decoded.has_value());
  if (frame.sound && !fits)
    require(!decoded && decoded.error().code() == Code::too_large);
  if (decoded && (frame.sound || (frame.guarded && !is_nothing(frame.bytes, *decoded))))
    require(std::ranges::equal(Bytes(window).first(decoded->produced), frame.content) &&
            decoded->consumed == frame.ends.value_or(decoded->consumed));
  const auto stated = stated_size(frame.bytes);
  if (frame.sound && frame.states_size)
    require(stated == frame.content.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(std::span(data, size));
  Frame (*const kinds[])(Script&) = {lzop, lz4, lz4_legacy, xz, gzip};
  const auto make = script.one_of(kinds);
  const std::size_t chunk_size = std::size_t{1} << script.byte() % 12;
  const Frame frame = make(script);
  const std::size_t content_size = frame.content.size();
  const std::size_t windows[] = {std::max<std::size_t>(content_size, 4096), content_size,
                                 content_size - std::min<std::size_t>(content_size, 1), script.byte()};
  const std::size_t window_size = script.one_of(windows);
  const auto window = std::make_unique_for_overwrite<std::byte[]>(window_size);
  check(frame, chunk_size, MutBytes(window.get(), window_size));
  return 0;
}
