// xz and the older lzma ("alone") by liblzma, which checks headers, index and integrity checks.
#include "fs/codec/stream_decoder.hpp"

#include "base/checked.hpp"

#include <lzma.h>

namespace pvboot::codec {

namespace {

void* allocate(void* arena, std::size_t items, std::size_t size) {
  const auto bytes = checked_mul<std::size_t>(items, size);
  return bytes ? static_cast<Arena*>(arena)->allocate(*bytes) : nullptr;
}
void release(void* arena, void* block) { static_cast<Arena*>(arena)->release(block); }

/// liblzma's coders around the one with the dictionary, and what the arena adds to each block.
constexpr std::uint64_t overhead = 65536;

std::unexpected<Error> unknown_option() {
  return fail(Code::unsupported, "a filter or an option that this decoder does not know");
}

class LzmaDecoder final : public StreamDecoder<lzma_stream> {
public:
  LzmaDecoder(Arena& arena, MutBytes window) : StreamDecoder(window), hooks_{allocate, release, &arena} {
    stream_ = LZMA_STREAM_INIT;
    stream_.allocator = &hooks_;
  }
  ~LzmaDecoder() override { lzma_end(&stream_); }

  /// The arena is the bound on memory, so liblzma is given none.
  Result<void> open_xz() { return opened(lzma_stream_decoder(&stream_, UINT64_MAX, LZMA_TELL_UNSUPPORTED_CHECK)); }
  Result<void> open_lzma() { return opened(lzma_alone_decoder(&stream_, UINT64_MAX)); }

private:
  static Result<void> opened(lzma_ret status) {
    if (status != LZMA_OK)
      return arena_empty();
    return {};
  }

  int call() override { return lzma_code(&stream_, LZMA_RUN); }

  Result<void> judge(int status, bool moved) override {
    switch (status) {
    case LZMA_STREAM_END: ended_ = true; return {};
    case LZMA_OK: return {};
    case LZMA_BUF_ERROR:
      // Twice no progress although there is input and room.
      return moved ? Result<void>{} : Result<void>(bad_data());
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR: return arena_empty();
    case LZMA_OPTIONS_ERROR: return unknown_option();
    case LZMA_UNSUPPORTED_CHECK: return fail(Code::unsupported, "an integrity check that this decoder does not know");
    default: return bad_data();
    }
  }

  lzma_allocator hooks_;
};

const std::uint8_t* octets(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

} // namespace

Result<std::unique_ptr<Decoder>> open_xz(Arena& arena, MutBytes window) {
  auto decoder = std::make_unique<LzmaDecoder>(arena, window);
  TRY(decoder->open_xz());
  return decoder;
}

Result<std::unique_ptr<Decoder>> open_lzma(Arena& arena, MutBytes window) {
  auto decoder = std::make_unique<LzmaDecoder>(arena, window);
  TRY(decoder->open_lzma());
  return decoder;
}

Result<std::uint64_t> lzma_memory(Bytes head) {
  const auto dictionary = TRY(read_as<le32>(head, 1));
  lzma_options_lzma options{};
  options.dict_size = dictionary.get();
  options.lc = LZMA_LC_DEFAULT;
  options.lp = LZMA_LP_DEFAULT;
  options.pb = LZMA_PB_DEFAULT;
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  const std::uint64_t usage = lzma_raw_decoder_memusage(filters);
  if (usage == UINT64_MAX)
    return fail(Code::too_large, "an LZMA dictionary of an absurd size");
  return usage + overhead;
}

Result<std::uint64_t> xz_memory(Bytes head) {
  lzma_stream_flags flags;
  const Bytes header = TRY(cut(head, 0, LZMA_STREAM_HEADER_SIZE));
  switch (lzma_stream_header_decode(&flags, octets(header))) {
  case LZMA_OK: break;
  case LZMA_OPTIONS_ERROR: return unknown_option();
  default: return fail(Code::corrupt, "a damaged xz stream header");
  }
  const Bytes rest = head.subspan(LZMA_STREAM_HEADER_SIZE);
  if (rest.empty())
    return fail(Code::corrupt, "compressed data ends early");
  if (rest[0] == std::byte{0})
    return overhead; // an index at once: there are no blocks

  // The filters' options are all that is allocated: at most four, each of about a hundred bytes.
  std::byte memory[4096];
  Arena arena(memory);
  const lzma_allocator hooks{allocate, release, &arena};
  lzma_filter filters[LZMA_FILTERS_MAX + 1];
  lzma_block block{};
  block.check = flags.check;
  block.filters = filters;
  block.header_size = lzma_block_header_size_decode(std::to_integer<unsigned>(rest[0]));
  if (rest.size() < block.header_size)
    return fail(Code::corrupt, "compressed data ends early");
  switch (lzma_block_header_decode(&block, &hooks, octets(rest))) {
  case LZMA_OK: break;
  case LZMA_OPTIONS_ERROR: return unknown_option();
  default: return fail(Code::corrupt, "a damaged xz block header");
  }
  const std::uint64_t usage = lzma_raw_decoder_memusage(filters);
  lzma_filters_free(filters, &hooks);
  if (usage == UINT64_MAX)
    return fail(Code::unsupported, "a chain of filters that makes no sense");
  return usage + overhead;
}

std::optional<std::uint64_t> lzma_size(Bytes head) {
  const auto size = read_as<le64>(head, 5);
  if (!size || size->get() == UINT64_MAX)
    return std::nullopt;
  return size->get();
}

std::optional<std::uint64_t> xz_size(Bytes tail) {
  lzma_stream_flags footer;
  if (tail.size() < LZMA_STREAM_HEADER_SIZE ||
      lzma_stream_footer_decode(&footer, octets(tail.last(LZMA_STREAM_HEADER_SIZE))) != LZMA_OK)
    return std::nullopt;
  Bytes index = tail.first(tail.size() - LZMA_STREAM_HEADER_SIZE);
  if (footer.backward_size > index.size())
    return std::nullopt;
  index = index.last(static_cast<std::size_t>(footer.backward_size));

  std::size_t position = 1; // after the index indicator
  const auto number = [&]() -> std::optional<std::uint64_t> {
    lzma_vli value = 0;
    if (lzma_vli_decode(&value, nullptr, octets(index), &position, index.size()) != LZMA_OK)
      return std::nullopt;
    return value;
  };
  const auto records = number();
  std::optional<std::uint64_t> total = 0;
  for (std::uint64_t i = 0; records && i < *records; ++i) {
    const auto compressed = number();
    const auto size = number();
    total = compressed && size ? checked_add<std::uint64_t>(*total, *size) : std::nullopt;
    if (!total)
      return std::nullopt;
  }
  return records ? total : std::nullopt;
}

} // namespace pvboot::codec
