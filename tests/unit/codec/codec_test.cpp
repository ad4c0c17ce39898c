// What fs/codec promises of every format, shown on what the real tools write.
#include "samples.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::test;
using codec::Codec;

namespace {

Octets joined(Bytes a, Bytes b) {
  Octets both(a.begin(), a.end());
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

/// Legacy LZ4 has no end mark and no checksum: a cut at a block's boundary cannot be seen.
bool has_end_mark(Codec codec) { return codec != Codec::lz4_legacy; }

Code code_of(const Result<Decoded>& result) {
  REQUIRE_FALSE(result);
  return result.error().code();
}

} // namespace

TEST_CASE("what each tool writes is detected and decodes to what it was made from") {
  for (const Tool& tool : tools())
    for (const std::size_t size : {std::size_t{1}, std::size_t{65536}, std::size_t{300'000}}) {
      CAPTURE(tool.command, size);
      const Octets data = sample(size);
      const Octets packed = filter(tool.command, data);
      CHECK(codec::detect(packed) == tool.codec);
      for (const std::size_t chunk : {std::size_t{1}, std::size_t{4093}, packed.size()}) {
        CAPTURE(chunk);
        const auto decoded = decode(packed, {.window = size, .chunk = chunk});
        INFO((decoded ? std::string() : decoded.error().text()));
        REQUIRE(decoded);
        CHECK((decoded->output == data));
        CHECK(decoded->consumed == packed.size());
      }
    }
}

TEST_CASE("output larger than any block decodes: 9 MiB, in legacy LZ4 two blocks") {
  const Octets data = sample(9 << 20);
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter(tool.command, data);
    const auto decoded = decode(packed, {.window = data.size(), .chunk = 100'000});
    REQUIRE(decoded);
    CHECK((decoded->output == data));
    CHECK(decoded->arena_peak <= codec::memory_needed(tool.codec, Bytes(packed).first(codec::head_size)).value());
  }
}

TEST_CASE("an empty input decodes to nothing") {
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter(tool.command, {});
    if (packed.size() <= 4)
      continue; // lz4 -l writes a magic alone, lzop nothing
    const auto decoded = decode(packed, {.window = 16});
    INFO((decoded ? std::string() : decoded.error().text()));
    REQUIRE(decoded);
    CHECK(decoded->output.empty());
  }
}

TEST_CASE("output is final as far as produced() says, while the rest is still to come") {
  const Octets data = sample(600'000);
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter(tool.command, data);
    Octets arena_bytes(codec::memory_needed(tool.codec, packed).value());
    Octets window(data.size());
    codec::Arena arena(arena_bytes);
    const auto decoder = codec::open_decoder(tool.codec, arena, window).value();
    std::size_t before = 0;
    for (std::size_t at = 0; at < packed.size(); at += 1000) {
      const Bytes chunk = Bytes(packed).subspan(at, std::min<std::size_t>(1000, packed.size() - at));
      REQUIRE(decoder->feed(chunk));
      REQUIRE(decoder->produced() >= before);
      before = decoder->produced();
      REQUIRE(std::equal(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(before), window.begin()));
    }
    CHECK(before == data.size());
  }
}

TEST_CASE("one byte less of window than of output is too large, never written past") {
  for (const Tool& tool : tools()) {
    CAPTURE(tool.command);
    const Octets data = sample(200'000);
    const Octets packed = filter(tool.command, data);
    CHECK(code_of(decode(packed, {.window = data.size() - 1})) == Code::too_large);
    CHECK(code_of(decode(packed, {.window = 1000, .chunk = 777})) == Code::too_large);
    CHECK(code_of(decode(packed, {.window = 0})) == Code::too_large);
  }
}

TEST_CASE("a bomb stops at the window's end") {
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter("(head -c 100000000 /dev/zero | " + tool.command + ")", {});
    CHECK(code_of(decode(packed, {.window = 1 << 20})) == Code::too_large);
  }
}

TEST_CASE("input that is cut off anywhere ends early") {
  Octets memory(16 << 20);
  for (const Tool& tool : one_tool_each()) {
    const Octets data = sample(3000);
    const Octets packed = filter(tool.command, data);
    for (std::size_t length = 16; length < packed.size(); ++length) {
      CAPTURE(tool.command, length, packed.size());
      const Bytes part = Bytes(packed).first(length);
      const auto decoded = decode(part, {.window = data.size(), .memory = memory});
      REQUIRE_FALSE(decoded);
      CHECK(decoded.error().code() == Code::corrupt);
    }
  }
}

TEST_CASE("a cut in a long stream is told as such") {
  const Octets data = sample(400'000);
  for (const Tool& tool : one_tool_each()) {
    const Octets packed = filter(tool.command, data);
    for (const std::size_t missing : {std::size_t{1}, std::size_t{4}, std::size_t{9}, packed.size() / 2}) {
      CAPTURE(tool.command, missing);
      const auto decoded = decode(Bytes(packed).first(packed.size() - missing), {.window = data.size(), .chunk = 5000});
      REQUIRE_FALSE(decoded);
      CHECK(decoded.error().message() == "compressed data ends early");
    }
  }
}

TEST_CASE("any damaged byte gives an error or the same output, and a failed decoder stays failed") {
  const Octets data = sample(2000);
  Octets memory(16 << 20);
  for (const Tool& tool : one_tool_each()) {
    const Octets packed = filter(tool.command, data);
    for (std::size_t at = 0; at < packed.size(); ++at) {
      CAPTURE(tool.command, at);
      Octets damaged = packed;
      damaged[at] ^= std::byte{0x55};
      const auto decoded = decode(damaged, {.window = data.size(), .memory = memory});
      if (decoded && has_end_mark(tool.codec) && tool.codec != Codec::lzma)
        CHECK((decoded->output == data));
    }
  }
}

TEST_CASE("a checksum that does not match is reported as that") {
  const Octets data = sample(100'000);
  struct Case {
    const char* command;
    std::size_t from_end; ///< of a byte of the checksum
  };
  for (const Case& one : {Case{"gzip -c", 8}, Case{"zstd -q --check -c", 1}, Case{"lz4 -c", 1}}) {
    CAPTURE(one.command);
    Octets packed = filter(one.command, data);
    packed[packed.size() - one.from_end] ^= std::byte{1};
    const auto decoded = decode(packed, {.window = data.size()});
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().message() == "the decoded data does not match its checksum");
  }
}

TEST_CASE("what follows the stream is left alone") {
  const Octets data = sample(50'000);
  const Octets garbage(1000, std::byte{0xff});
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter(tool.command, data);
    const Octets both = joined(packed, garbage);
    for (const std::size_t chunk : {std::size_t{100}, both.size()}) {
      const auto decoded = decode(both, {.window = data.size(), .chunk = chunk});
      INFO((decoded ? std::string() : decoded.error().text()));
      REQUIRE(decoded);
      CHECK((decoded->output == data));
      CHECK(decoded->consumed <= packed.size() + 4);
    }
  }
}

TEST_CASE("legacy LZ4 tolerates the size word that Linux appends") {
  for (const std::size_t size : {std::size_t{5000}, std::size_t{9 << 20}}) {
    const Octets data = sample(size);
    const le32 word(static_cast<std::uint32_t>(size));
    const Octets packed = joined(filter("lz4 -l -9 -c", data), std::as_bytes(std::span(&word, 1)));
    const auto decoded = decode(packed, {.window = size, .chunk = 3000});
    REQUIRE(decoded);
    CHECK((decoded->output == data));
  }
}

TEST_CASE("legacy LZ4 frames behind each other are one") {
  const Octets a = sample(5000, 1);
  const Octets b = sample(7000, 2);
  const Octets packed = joined(filter("lz4 -l -c", a), filter("lz4 -l -c", b));
  const auto decoded = decode(packed, {.window = 12'000, .chunk = 11});
  REQUIRE(decoded);
  CHECK((decoded->output == joined(a, b)));
}

TEST_CASE("too small an arena is out of memory") {
  const Octets data = sample(500'000);
  for (const Tool& tool : one_tool_each()) {
    CAPTURE(tool.command);
    const Octets packed = filter(tool.command, data);
    const auto decoded = decode(packed, {.window = data.size(), .chunk = 1000, .arena = 200});
    CHECK(code_of(decoded) == Code::out_of_memory);
  }
}

TEST_CASE("the memory of xz and lzma is that of their dictionary, and an absurd one is refused") {
  const Octets data = sample(1000);
  const auto needed = [&](const char* command) {
    const Octets packed = filter(command, data);
    return codec::memory_needed(codec::detect(packed).value(), packed);
  };
  const std::uint64_t mib = 1 << 20;
  for (const char* command : {"xz --lzma2=dict=32MiB -c", "xz --format=lzma --lzma1=dict=32MiB -c"}) {
    const std::uint64_t bytes = needed(command).value();
    CHECK(bytes >= 32 * mib);
    CHECK(bytes < 32 * mib + 256 * 1024);
  }
  Octets absurd = filter("xz --format=lzma -c", data);
  for (std::size_t i = 1; i < 5; ++i)
    absurd[i] = std::byte{i == 4 ? std::uint8_t{0x80} : std::uint8_t{0}};
  CHECK(codec::memory_needed(Codec::lzma, absurd).error().code() == Code::too_large);
}

TEST_CASE("the memory of xz does not grow with the number of blocks") {
  const Octets data = sample(1 << 20);
  const Octets packed = filter("xz --delta=dist=4 --x86=start=16 --lzma2=dict=4KiB --block-size=1024 -c", data);
  const auto decoded = decode(packed, {.window = data.size()});
  INFO((decoded ? std::string() : decoded.error().text()));
  REQUIRE(decoded);
  CHECK((decoded->output == data));
}

TEST_CASE("an xz header with a reserved flag is unsupported, not damaged") {
  const std::string_view header("\xfd"
                                "7zXZ\0\x01\x00\xbe\x23\xc2\x58\x02",
                                13);
  CHECK(codec::memory_needed(Codec::xz, as_bytes(header)).error().code() == Code::unsupported);
}

TEST_CASE("zstd needs no memory for its window") {
  const Octets packed = filter("zstd -q -19 --ultra --long=27 -c", sample(1000));
  CHECK(codec::memory_needed(Codec::zstd, packed).value() < 512 * 1024);
}

TEST_CASE("the stated size is the real one where the format has it") {
  const Octets data = sample(123'457);
  const auto stated = [&](const std::string& command) {
    const Octets packed = filter(command, data);
    const Bytes all = packed;
    const std::size_t tail = std::min(packed.size(), codec::tail_size);
    return codec::stated_size(codec::detect(packed).value(), all.first(codec::head_size), all.last(tail));
  };
  CHECK(stated("gzip -c") == data.size());
  CHECK(stated("xz -c") == data.size());
  CHECK(stated("xz --block-size=10000 -c") == data.size());
  CHECK(stated("lz4 --content-size -c") == data.size());
  CHECK(stated("zstd -q --stream-size=123457 -c") == data.size());
  CHECK(stated("lz4 -c") == std::nullopt);
  CHECK(stated("lz4 -l -c") == std::nullopt);
  CHECK(stated("lzop -c") == std::nullopt);
  CHECK(stated("xz --format=lzma -c") == std::nullopt);
}

TEST_CASE("a head cut anywhere is not read past") {
  for (const Tool& tool : tools()) {
    const Octets packed = filter(tool.command, sample(1000));
    for (std::size_t length = 0; length <= 64; ++length) {
      CAPTURE(tool.command, length);
      const Octets head(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
      const auto memory = codec::memory_needed(tool.codec, head);
      CHECK((!memory || *memory <= codec::max_decoder_memory));
      static_cast<void>(codec::stated_size(tool.codec, head, head));
    }
  }
}

TEST_CASE("an LZ4 header that ends just before its checksum is cut short") {
  const std::string_view head("\x04\x22\x4d\x18\x4d\x40\0\0\0\0\0\0\0\0\0\0\0\0", 18);
  const Octets exact(as_bytes(head).begin(), as_bytes(head).end());
  CHECK(codec::memory_needed(Codec::lz4_frame, exact).error().code() == Code::corrupt);
}

TEST_CASE("what is not compressed is not detected") {
  const std::string_view texts[] = {"",
                                    "\x1f",
                                    "\x7f"
                                    "ELF",
                                    "#!/bin/sh\n",
                                    "\x5d",
                                    "]]]]]]]]]]]]]]]]]]",
                                    "PK\x03\x04"};
  for (const std::string_view text : texts) {
    CAPTURE(text);
    CHECK(codec::detect(as_bytes(text)) == std::nullopt);
  }
  const Octets noise = sample(4096, 7);
  for (std::size_t at = 0; at < 4000; ++at)
    CHECK(codec::detect(Bytes(noise).subspan(at)) == std::nullopt);
}
