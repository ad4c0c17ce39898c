// Hostile compressed data: the first byte chooses the codec, the second how large the chunks are, the third the
// window; then comes the stream. No promise but those of fs/codec/decoder.hpp: bounds, an end, one error for ever.
#include "fs/codec/decoder.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace pvboot;

namespace {

constexpr std::uint64_t default_arena = 1 << 16;
constexpr std::uint64_t largest_arena = 9 << 20;
constexpr std::size_t largest_window = 1 << 18;

void require(bool holds) {
  if (!holds)
    std::abort();
}

/// Buffers of exact size on the heap, so that ASan sees the first byte read past a chunk.
Result<std::size_t> feed_copy(codec::Decoder& decoder, Bytes chunk) {
  const auto copy = std::make_unique_for_overwrite<std::byte[]>(chunk.size());
  std::ranges::copy(chunk, copy.get());
  return decoder.feed(Bytes(copy.get(), chunk.size()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3)
    return 0;
  const auto which = static_cast<codec::Codec>(data[0] % 8);
  const std::size_t chunk_size = std::size_t{1} << (data[1] % 16);
  const std::size_t window_size = data[2] == 0xff ? largest_window : data[2] * std::size_t{64};
  const Bytes input = std::as_bytes(std::span(data + 3, size - 3));

  static_cast<void>(codec::detect(input));
  const std::uint64_t needed = codec::memory_needed(which, input).value_or(default_arena);
  const auto arena_size = static_cast<std::size_t>(std::min(needed, largest_arena));
  static_cast<void>(codec::stated_size(which, input, input));
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(arena_size);
  codec::Arena arena(MutBytes(memory.get(), arena_size));
  const auto window = std::make_unique_for_overwrite<std::byte[]>(window_size);
  auto decoder = codec::open_decoder(which, arena, MutBytes(window.get(), window_size));
  if (!decoder)
    return 0;

  std::size_t at = 0;
  std::size_t produced = 0;
  bool failed = false;
  while (at < input.size() && !failed && !(*decoder)->ended()) {
    const Bytes chunk = input.subspan(at, std::min(chunk_size, input.size() - at));
    const auto taken = feed_copy(**decoder, chunk);
    failed = !taken.has_value();
    if (!failed) {
      require(*taken == chunk.size() || ((*decoder)->ended() && *taken < chunk.size()));
      at += *taken;
    }
    require((*decoder)->produced() >= produced && (*decoder)->produced() <= window_size);
    produced = (*decoder)->produced();
  }
  const auto finished = (*decoder)->finish();
  require(!failed || !finished);
  require(!finished || (*decoder)->ended());
  return 0;
}
