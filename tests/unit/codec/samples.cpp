#include "samples.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <unistd.h>

namespace pvboot::test {

Octets sample(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Octets data;
  data.reserve(size + 4096);
  while (data.size() < size) {
    const unsigned kind = random() % 4;
    const std::size_t length = 1 + random() % 600;
    if (kind == 0 || data.empty()) {
      for (std::size_t i = 0; i < length; ++i)
        data.push_back(static_cast<std::byte>(random()));
    } else if (kind == 1) {
      data.insert(data.end(), length, static_cast<std::byte>(random() % 3));
    } else {
      const std::size_t from = random() % data.size();
      for (std::size_t i = 0; i < length; ++i)
        data.push_back(data[from + i]);
    }
  }
  data.resize(size);
  return data;
}

Octets filter(const std::string& command, Bytes input) {
  char folder[] = "/tmp/pvboot-codec-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const std::string in = std::string(folder) + "/in";
  const std::string out = std::string(folder) + "/out";
  std::ofstream(in, std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  const std::string line = command + " < " + in + " > " + out + " 2> " + in + ".err";
  INFO(line);
  const int status = std::system(line.c_str());
  std::ifstream stream(out, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const std::string clean_up = std::string("rm -rf ") + folder;
  CHECK(std::system(clean_up.c_str()) == 0);
  REQUIRE(status == 0);
  const Bytes view = as_bytes(bytes);
  return {view.begin(), view.end()};
}

std::vector<Tool> one_tool_each() {
  using codec::Codec;
  return {{Codec::gzip, "gzip -c"},     {Codec::bzip2, "bzip2 -c"}, {Codec::lzma, "xz --format=lzma -c"},
          {Codec::xz, "xz -c"},         {Codec::lzo, "lzop -c"},    {Codec::lz4_legacy, "lz4 -l -c"},
          {Codec::lz4_frame, "lz4 -c"}, {Codec::zstd, "zstd -q -c"}};
}

std::vector<Tool> tools() {
  using codec::Codec;
  return {
      {Codec::gzip, "gzip -1 -c"},
      {Codec::gzip, "gzip -9 -n -c"},
      {Codec::bzip2, "bzip2 -1 -c"},
      {Codec::bzip2, "bzip2 -9 -c"}, // as Linux does
      {Codec::lzma, "xz --format=lzma -9 -c"},
      {Codec::lzma, "xz --format=lzma -0 -c"},
      {Codec::xz, "xz -9 --check=crc32 -c"},
      {Codec::xz, "xz -0 --check=none -c"},
      {Codec::xz, "xz --check=crc64 -c"},
      {Codec::xz, "xz --check=sha256 -c"},
      {Codec::xz, "xz --check=crc32 --x86 --lzma2=preset=9,dict=32MiB -c"}, // as Linux does
      {Codec::xz, "xz --delta=dist=4 --lzma2=lc=1,lp=3,pb=0 -c"},
      {Codec::xz, "xz -1 --block-size=65536 -c"},
      {Codec::lzo, "lzop -9 -c"}, // as Linux does
      {Codec::lzo, "lzop -1 -C -c"},
      {Codec::lzo, "lzop --no-checksum -c"},
      {Codec::lzo, "lzop --crc32 -c"},
      {Codec::lz4_legacy, "lz4 -l -9 -c"}, // as Linux does
      {Codec::lz4_legacy, "lz4 -l -1 -c"},
      {Codec::lz4_frame, "lz4 -1 -B4 -c"},
      {Codec::lz4_frame, "lz4 -9 -B7 -BD -c"},
      {Codec::lz4_frame, "lz4 -BD -B4 -BX -c"},
      {Codec::lz4_frame, "lz4 --no-frame-crc -BI -c"},
      {Codec::zstd, "zstd -q -1 --no-check -c"},
      {Codec::zstd, "zstd -q -22 --ultra -c"}, // as Linux does
      {Codec::zstd, "zstd -q -19 --long=27 -c"},
  };
}

Result<Decoded> decode(Bytes input, DecodeOptions options) {
  const Bytes head = input.first(std::min(input.size(), codec::head_size));
  const auto codec = codec::detect(head);
  if (!codec)
    return fail(Code::unsupported, "not detected");
  std::unique_ptr<std::byte[]> own;
  MutBytes memory = options.memory;
  if (memory.empty()) {
    const std::size_t size = options.arena != 0 ? options.arena : TRY(codec::memory_needed(*codec, head));
    own = std::make_unique_for_overwrite<std::byte[]>(size); // not filled: most of it is never touched
    memory = {own.get(), size};
  }
  Octets window(options.window);
  codec::Arena arena(memory);
  const auto decoder = TRY(codec::open_decoder(*codec, arena, window));
  Decoded decoded;
  while (decoded.consumed < input.size() && !decoder->ended()) {
    const std::size_t length = std::min(options.chunk, input.size() - decoded.consumed);
    // A copy of the exact size, so that ASan sees a read past a chunk, and none of an earlier chunk.
    const Octets chunk(input.begin() + static_cast<std::ptrdiff_t>(decoded.consumed),
                       input.begin() + static_cast<std::ptrdiff_t>(decoded.consumed + length));
    const std::size_t taken = TRY(decoder->feed(chunk));
    decoded.consumed += taken;
    if (taken < length)
      break;
  }
  TRY(decoder->finish());
  decoded.output.assign(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(decoder->produced()));
  decoded.arena_peak = arena.peak();
  return decoded;
}

} // namespace pvboot::test
