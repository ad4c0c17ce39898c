#include "xz_chunks.hpp"

#include <algorithm>
#include <lzma.h>

namespace pvboot {

namespace {

const std::uint8_t* octets(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

/// A chunk's first byte.
enum Control : std::uint8_t {
  end_of_chunks = 0x00,
  stored_after_reset = 0x01, ///< of the dictionary, which the first chunk has to ask for
  stored = 0x02,
  compressed = 0x80, ///< two bits of what to reset, five of the size
};

lzma_options_lzma smallest() {
  lzma_options_lzma options{};
  require(!lzma_lzma_preset(&options, 0));
  options.dict_size = LZMA_DICT_SIZE_MIN;
  return options;
}

Filter make_filter(Script& script, std::uint64_t id) {
  const std::uint8_t any = script.byte();
  const std::uint8_t dictionaries[] = {0, 12, 22, 1, any};
  Filter filter{id, {}};
  switch (id) {
  case LZMA_FILTER_LZMA2: filter.properties = {std::byte{script.one_of(dictionaries)}}; break;
  case LZMA_FILTER_DELTA: filter.properties = {std::byte{any}}; break;
  default: filter.properties = take(script, (any & 1) != 0 ? 4 : 0);
  }
  if (script.byte() >= 250)
    filter.properties.resize(script.byte());
  return filter;
}

std::uint32_t start_of(const Filter& branches) {
  return branches.properties.empty() ? 0 : read_as<le32>(branches.properties).value().get();
}

/// As liblzma does it in one piece: it has to come out as well where input and output come in many.
Octets undo_x86(const Filter& filter, Bytes data) {
  if (data.empty())
    return {};
  lzma_options_bcj options{};
  options.start_offset = start_of(filter);
  lzma_options_lzma behind = smallest();
  const lzma_filter chain[] = {{LZMA_FILTER_X86, &options}, {LZMA_FILTER_LZMA2, &behind}, {LZMA_VLI_UNKNOWN, nullptr}};
  Fields chunk;
  chunk.octet(stored_after_reset);
  chunk.put(be16(static_cast<std::uint16_t>(data.size() - 1)));
  chunk.put(data);
  chunk.octet(end_of_chunks);
  Octets out(data.size());
  std::size_t taken = 0;
  std::size_t written = 0;
  require(lzma_raw_buffer_decode(chain, nullptr, octets(chunk.bytes), &taken, chunk.bytes.size(),
                                 reinterpret_cast<std::uint8_t*>(out.data()), &written, out.size()) == LZMA_OK);
  require(written == out.size());
  return out;
}

/// [xz: section 5.3.3.1]
void undo_delta(const Filter& filter, Octets& data) {
  const std::size_t distance = std::to_integer<std::size_t>(filter.properties[0]) + 1;
  for (std::size_t i = distance; i < data.size(); ++i)
    data[i] =
        static_cast<std::byte>(std::to_integer<unsigned>(data[i]) + std::to_integer<unsigned>(data[i - distance]));
}

void pack_stored(Script& script, Frame& frame, Packed& packed) {
  const Octets data = take(script, 1 + script.byte());
  Fields chunk;
  const bool resets = packed.bytes.empty() || script.flag();
  chunk.octet(perhaps<std::uint8_t>(script, frame, resets ? stored_after_reset : stored));
  chunk.put(be16(perhaps<std::uint16_t>(script, frame, static_cast<std::uint16_t>(data.size() - 1))));
  chunk.put(Bytes(data));
  packed.bytes.insert(packed.bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  packed.content.insert(packed.content.end(), data.begin(), data.end());
}

/// By liblzma's encoder, whose first chunk resets everything; without its end mark.
void pack_well(Script& script, Packed& packed) {
  const Octets pattern = take(script, 1 + script.byte() % 16);
  Octets data(1 + script.byte());
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = pattern[i % pattern.size()];
  lzma_options_lzma options = smallest();
  const lzma_filter chain[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  std::uint8_t out[1024];
  std::size_t written = 0;
  require(lzma_raw_buffer_encode(chain, nullptr, octets(data), data.size(), out, &written, sizeof out) == LZMA_OK);
  const Bytes chunk = std::as_bytes(std::span(out)).first(written - 1);
  packed.bytes.insert(packed.bytes.end(), chunk.begin(), chunk.end());
  packed.content.insert(packed.content.end(), data.begin(), data.end());
}

/// A compressed chunk with a right size of anything: what comes out is not known.
void pack_noise(Script& script, Frame& frame, Packed& packed) {
  const Octets data = take(script, 5 + script.byte());
  const unsigned resets = script.byte() & 0x60u;
  Fields chunk;
  chunk.octet(compressed | resets);
  chunk.put(be16(script.number<std::uint8_t>()));
  chunk.put(be16(perhaps<std::uint16_t>(script, frame, static_cast<std::uint16_t>(data.size() - 1))));
  if (resets >= 0x40)
    chunk.octet(script.byte());
  chunk.octet(0); // the range coder's first byte
  chunk.put(Bytes(data).subspan(1));
  packed.bytes.insert(packed.bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  frame.sound = false;
}

} // namespace

Chain make_chain(Script& script) {
  constexpr std::uint64_t ids[] = {LZMA_FILTER_X86,
                                   LZMA_FILTER_DELTA,
                                   LZMA_FILTER_X86,
                                   LZMA_FILTER_DELTA,
                                   LZMA_FILTER_X86,
                                   LZMA_FILTER_DELTA,
                                   LZMA_FILTER_X86,
                                   LZMA_FILTER_DELTA,
                                   LZMA_FILTER_LZMA2,
                                   LZMA_FILTER_POWERPC,
                                   LZMA_FILTER_IA64,
                                   LZMA_FILTER_ARM,
                                   LZMA_FILTER_ARM64,
                                   LZMA_FILTER_ARMTHUMB,
                                   LZMA_FILTER_SPARC,
                                   LZMA_FILTER_LZMA1,
                                   0,
                                   0x02,
                                   0x22,
                                   0x3fff'ffff'ffff'ffff};
  constexpr unsigned counts[] = {0, 1, 2, 3};
  Chain chain;
  for (unsigned before = script.one_of(counts); before > 0; --before)
    chain.push_back(make_filter(script, script.one_of(ids)));
  chain.push_back(make_filter(script, script.byte() < 240 ? LZMA_FILTER_LZMA2 : script.one_of(ids)));
  return chain;
}

bool is_readable(const Chain& chain) {
  // 768 MiB: the largest below codec::max_decoder_memory.
  constexpr std::byte largest_dictionary{35};
  const Filter& last = chain.back();
  if (last.id != LZMA_FILTER_LZMA2 || last.properties.size() != 1 || last.properties[0] > largest_dictionary)
    return false;
  return std::ranges::all_of(std::span(chain).first(chain.size() - 1), [](const Filter& filter) {
    const std::size_t size = filter.properties.size();
    return filter.id == LZMA_FILTER_DELTA ? size == 1 : filter.id == LZMA_FILTER_X86 && (size == 0 || size == 4);
  });
}

Octets undo(const Chain& chain, Octets data) {
  if (!is_readable(chain))
    return data;
  for (std::size_t i = chain.size() - 1; i-- > 0;)
    if (chain[i].id == LZMA_FILTER_DELTA)
      undo_delta(chain[i], data);
    else
      data = undo_x86(chain[i], data);
  return data;
}

Packed pack(Script& script, Frame& frame) {
  Packed packed;
  for (unsigned chunks = script.byte() % 4; chunks > 0; --chunks) {
    const unsigned kind = script.byte();
    if (kind < 160)
      pack_stored(script, frame, packed);
    else if (kind < 240)
      pack_well(script, packed);
    else
      pack_noise(script, frame, packed);
  }
  if (!spoils(script, frame) || script.flag())
    packed.bytes.push_back(std::byte{perhaps<std::uint8_t>(script, frame, end_of_chunks)});
  return packed;
}

} // namespace pvboot
