// gzip members: every field of the header, and blocks of all kinds that deflate knows, of which those that are stored
// as they are can be in order. [gzip: RFC 1952] [deflate: RFC 1951]
#include "frame.hpp"

namespace pvboot {

namespace {

enum GzipFlag : unsigned {
  header_crc = 0x02,
  extra = 0x04,
  name = 0x08,
  comment = 0x10,
  reserved = 0xe0,
};

/// Bytes up to a zero.
void text(Script& script, Frame& frame) {
  for (unsigned length = script.byte() % 32; length > 0; --length)
    frame.octet(1 + script.byte() % 255);
  frame.octet(perhaps<std::uint8_t>(script, frame, 0));
}

void header(Script& script, Frame& frame) {
  frame.put(as_bytes("\x1f\x8b\x08"));
  const unsigned flags = script.byte();
  frame.sound = frame.sound && (flags & reserved) == 0;
  frame.octet(flags);
  frame.put(Bytes(take(script, 6))); // time, extra flags, operating system
  if ((flags & extra) != 0) {
    const unsigned length = script.byte();
    frame.put(le16(perhaps<std::uint16_t>(script, frame, static_cast<std::uint16_t>(length))));
    frame.put(Bytes(take(script, length)));
  }
  if ((flags & name) != 0)
    text(script, frame);
  if ((flags & comment) != 0)
    text(script, frame);
  if ((flags & header_crc) != 0)
    frame.put(le16(perhaps<std::uint16_t>(script, frame, static_cast<std::uint16_t>(crc(frame.bytes)))));
}

/// One that begins at a byte, as what follows a stored block does. The bits between its type and its length say
/// nothing.
void block(Script& script, Frame& frame, bool last) {
  constexpr unsigned stored = 0;
  const unsigned type = script.byte() < 240 ? stored : 1 + script.byte() % 3;
  const unsigned unused = script.byte() & 0xf8u;
  frame.octet(perhaps<std::uint8_t>(script, frame, static_cast<std::uint8_t>(unused | type << 1 | (last ? 1u : 0u))));
  const Octets data = take(script, script.byte());
  frame.sound = frame.sound && type == stored;
  if (type == stored) {
    const auto length = static_cast<std::uint16_t>(data.size());
    frame.put(le16(perhaps<std::uint16_t>(script, frame, length)));
    frame.put(le16(perhaps<std::uint16_t>(script, frame, static_cast<std::uint16_t>(~length))));
  }
  frame.put(Bytes(data));
  frame.content.insert(frame.content.end(), data.begin(), data.end());
}

Frame member(Script& script) {
  Frame frame;
  frame.guarded = true;
  header(script, frame);
  for (unsigned blocks = script.byte() % 6; blocks > 0; --blocks)
    block(script, frame, false);
  block(script, frame, true);
  frame.put(le32(perhaps(script, frame, crc(frame.content))));
  frame.put(le32(perhaps(script, frame, static_cast<std::uint32_t>(frame.content.size()))));
  return frame;
}

} // namespace

Frame gzip(Script& script) {
  Frame frame = member(script);
  const std::size_t end = frame.bytes.size();
  frame.ends = end;
  for (unsigned more = script.byte() % 4; more > 0; --more)
    frame.put(Bytes(script.flag() ? member(script).bytes : take(script, script.byte())));
  frame.states_size = frame.bytes.size() == end;
  return frame;
}

} // namespace pvboot
