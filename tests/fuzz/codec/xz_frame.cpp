// XZ streams: all that the format has a field for, right or wrong. [xz: The .xz File Format 1.1.0; the sections are
// its] The chunks of LZMA2, which it leaves open, are those of liblzma's lzma2_decoder.c.
#include "xz_chunks.hpp"

#include <algorithm>
#include <lzma.h>

namespace pvboot {

namespace {

/// An unsigned number of at most 63 bits, seven to a byte. [section 1.2]
void put_number(Fields& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to.octet(static_cast<unsigned>(value & 0x7f) | 0x80);
  to.octet(static_cast<unsigned>(value));
}

/// Mostly `right`; else another, which may have too many bits, or `right` with a byte too many.
void number(Script& script, Frame& frame, Fields& to, std::uint64_t right) {
  const bool wrong = spoils(script, frame);
  put_number(to, wrong && script.flag() ? script.number<std::uint64_t>() : right);
  if (wrong && script.flag()) {
    to.bytes.back() |= std::byte{0x80};
    to.octet(0);
  }
}

void pad(Script& script, Frame& frame, std::size_t from) {
  while ((frame.bytes.size() - from) % 4 != 0)
    frame.octet(perhaps<std::uint8_t>(script, frame, 0));
}

/// ECMA-182's, bit by bit: what fs/codec/crc64.cpp says in another way.
std::uint64_t crc64(Bytes bytes) {
  std::uint64_t sum = ~std::uint64_t{0};
  for (const std::byte one : bytes) {
    sum ^= std::to_integer<std::uint64_t>(one);
    for (int bit = 0; bit < 8; ++bit)
      sum = sum >> 1 ^ ((sum & 1) != 0 ? 0xc96c5795d7870f42u : 0);
  }
  return ~sum;
}

Octets sha256(Bytes bytes) {
  lzma_options_lzma options{};
  options.dict_size = LZMA_DICT_SIZE_MIN;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  lzma_block block{};
  block.check = LZMA_CHECK_SHA256;
  block.filters = filters;
  std::vector<std::uint8_t> out(lzma_block_buffer_bound(bytes.size()));
  std::size_t written = 0;
  require(lzma_block_uncomp_encode(&block, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                   out.data(), &written, out.size()) == LZMA_OK);
  const Bytes sum = std::as_bytes(std::span(block.raw_check)).first(32);
  return {sum.begin(), sum.end()};
}

/// [section 3.4] A reserved kind has a size and no meaning.
Octets check_of(unsigned kind, Bytes content) {
  Fields check;
  switch (kind) {
  case LZMA_CHECK_CRC32: check.put(le32(crc(content))); break;
  case LZMA_CHECK_CRC64: check.put(le64(crc64(content))); break;
  case LZMA_CHECK_SHA256: return sha256(content);
  default: check.bytes.resize(kind <= LZMA_CHECK_ID_MAX ? lzma_check_size(static_cast<lzma_check>(kind)) : 0);
  }
  return check.bytes;
}

bool is_known(unsigned check) {
  return check == LZMA_CHECK_NONE || check == LZMA_CHECK_CRC32 || check == LZMA_CHECK_CRC64 ||
         check == LZMA_CHECK_SHA256;
}

/// [section 3.1]
void block_header(Script& script, Frame& frame, const Chain& chain, const Packed& packed, std::size_t content_size) {
  constexpr std::size_t most = 1024;
  const unsigned sizes = script.byte() & 0xc0u;
  Fields fields;
  fields.octet(perhaps<std::uint8_t>(script, frame, static_cast<std::uint8_t>(sizes | (chain.size() - 1))));
  if ((sizes & 0x40) != 0)
    number(script, frame, fields, packed.bytes.size());
  if ((sizes & 0x80) != 0)
    number(script, frame, fields, content_size);
  for (const Filter& filter : chain) {
    number(script, frame, fields, filter.id);
    number(script, frame, fields, filter.properties.size());
    fields.put(Bytes(filter.properties));
  }
  const std::size_t least = (1 + fields.bytes.size() + 3) / 4 * 4 + sizeof(le32);
  const std::size_t size = std::min(most, least + (script.byte() < 200 ? 0 : script.byte() * std::size_t{4}));
  fields.bytes.resize(size - 1 - sizeof(le32));
  if (spoils(script, frame))
    fields.bytes.back() |= std::byte{1};

  const std::size_t from = frame.bytes.size();
  frame.octet(perhaps<std::uint8_t>(script, frame, static_cast<std::uint8_t>(size / 4 - 1)));
  frame.put(Bytes(fields.bytes));
  frame.put(le32(perhaps(script, frame, crc(Bytes(frame.bytes).subspan(from)))));
}

/// [section 4.3]
struct Record {
  std::uint64_t unpadded_size;
  std::uint64_t uncompressed_size;
};

/// [section 3]
Record block(Script& script, Frame& frame, const Chain& chain, unsigned check) {
  const Packed packed = pack(script, frame);
  const Octets content = undo(chain, packed.content);
  const std::size_t from = frame.bytes.size();
  block_header(script, frame, chain, packed, content.size());
  frame.put(Bytes(packed.bytes));
  std::size_t unpadded = frame.bytes.size() - from;
  pad(script, frame, from);
  Octets sum = check_of(check, content);
  if (spoils(script, frame) && !sum.empty())
    sum[script.byte() % sum.size()] ^= std::byte{0x10};
  frame.put(Bytes(sum));
  unpadded += sum.size();
  frame.content.insert(frame.content.end(), content.begin(), content.end());
  return {unpadded, content.size()};
}

/// [section 4] Returns its size.
std::size_t index(Script& script, Frame& frame, const std::vector<Record>& records) {
  const std::size_t from = frame.bytes.size();
  frame.octet(perhaps<std::uint8_t>(script, frame, 0));
  number(script, frame, frame, records.size());
  for (const Record& record : records) {
    number(script, frame, frame, record.unpadded_size);
    number(script, frame, frame, record.uncompressed_size);
  }
  pad(script, frame, from);
  frame.put(le32(perhaps(script, frame, crc(Bytes(frame.bytes).subspan(from)))));
  return frame.bytes.size() - from;
}

/// [section 2.1.2]
void footer(Script& script, Frame& frame, unsigned check, std::size_t index_size) {
  Fields fields;
  fields.put(le32(perhaps(script, frame, static_cast<std::uint32_t>(index_size / 4 - 1))));
  fields.octet(perhaps<std::uint8_t>(script, frame, 0));
  fields.octet(perhaps<std::uint8_t>(script, frame, static_cast<std::uint8_t>(check)));
  frame.put(le32(perhaps(script, frame, crc(fields.bytes))));
  frame.put(Bytes(fields.bytes));
  frame.octet(perhaps<std::uint8_t>(script, frame, 'Y'));
  frame.octet(perhaps<std::uint8_t>(script, frame, 'Z'));
}

/// The blocks of a stream mostly have one chain. Memory is measured by the first block's; another may find no room.
std::vector<Record> blocks(Script& script, Frame& frame, unsigned check) {
  const unsigned counts[] = {1, 2, 3, 0, script.byte() * 4u};
  std::vector<Record> records(script.one_of(counts));
  Chain chain = make_chain(script);
  frame.sound = frame.sound && is_readable(chain);
  for (Record& record : records) {
    if (script.byte() >= 240) {
      chain = make_chain(script);
      frame.sound = false;
    }
    record = block(script, frame, chain, check);
  }
  return records;
}

/// [section 2.1]
Frame stream(Script& script) {
  Frame frame;
  frame.put(as_bytes(std::string_view("\xfd"
                                      "7zXZ\0",
                                      6)));
  const unsigned checks[] = {LZMA_CHECK_CRC32, LZMA_CHECK_CRC64, LZMA_CHECK_SHA256, LZMA_CHECK_NONE, script.byte()};
  const unsigned check = script.one_of(checks);
  frame.sound = is_known(check);
  Fields flags;
  flags.octet(perhaps<std::uint8_t>(script, frame, 0));
  flags.octet(check);
  frame.put(Bytes(flags.bytes));
  frame.put(le32(perhaps(script, frame, crc(flags.bytes))));
  const std::vector<Record> records = blocks(script, frame, check);
  footer(script, frame, check, index(script, frame, records));
  frame.guarded = frame.sound || check != LZMA_CHECK_NONE;
  return frame;
}

} // namespace

Frame xz(Script& script) {
  Frame frame = stream(script);
  const std::size_t end = frame.bytes.size();
  frame.ends = end;
  // Stream padding of the right size and another, and streams. [section 2.2]
  for (unsigned more = script.byte() % 4; more > 0; --more) {
    frame.bytes.resize(frame.bytes.size() + (script.byte() < 200 ? script.byte() * std::size_t{4} : script.byte()));
    if (script.flag())
      frame.put(Bytes(stream(script).bytes));
  }
  frame.states_size = frame.bytes.size() == end;
  return frame;
}

} // namespace pvboot
