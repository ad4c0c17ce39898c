// How fast Debian's libraries decode a payload from memory to memory: what pvboot's own rate is measured against.
//
//   bench-decode [--times N] [--seconds S] FILE...
//
// Each file is read into memory, the room for its content is touched, and it is decoded N times (3) or more, until S
// seconds (0) are over, by the library's plainest call over the whole of both. One line each: "decode: NAME CODEC BYTES
// bytes SECONDS s SECONDS s ...". What the loader's own decoder takes, tests/guest/decode says.
// A static program, so that it runs in an initramfs as it is.
#include "base/units.hpp"
#include "fs/codec/decoder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace {

using namespace pvboot;
using codec::Codec;

[[noreturn]] void stop(const std::string& file, const char* why) {
  std::fprintf(stderr, "bench-decode: %s: %s\n", file.c_str(), why);
  std::exit(1);
}

std::vector<std::byte> content_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream)
    stop(file, "cannot be read");
  std::vector<std::byte> bytes(static_cast<std::size_t>(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

const unsigned char* octets(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* octets(MutBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// Each gives how many bytes came out; 0 when the data is no good.
std::size_t by_zlib(Bytes in, MutBytes out) {
  z_stream stream{};
  stream.next_in = const_cast<unsigned char*>(octets(in));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = octets(out);
  stream.avail_out = static_cast<uInt>(out.size());
  constexpr int gzip_only = 16 + MAX_WBITS;
  const bool ok = inflateInit2(&stream, gzip_only) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
  inflateEnd(&stream);
  return ok ? stream.total_out : 0;
}

std::size_t by_liblzma(Bytes in, MutBytes out) {
  std::uint64_t memory = UINT64_MAX;
  std::size_t taken = 0;
  std::size_t given = 0;
  const lzma_ret status =
      lzma_stream_buffer_decode(&memory, 0, nullptr, octets(in), &taken, in.size(), octets(out), &given, out.size());
  return status == LZMA_OK ? given : 0;
}

std::size_t by_libzstd(Bytes in, MutBytes out) {
  const std::size_t given = ZSTD_decompress(out.data(), out.size(), in.data(), in.size());
  return ZSTD_isError(given) == 0 ? given : 0;
}

/// The legacy frame is no part of the library: block by block.
std::size_t by_liblz4(Bytes in, MutBytes out) {
  constexpr std::size_t magic = 4;
  constexpr int block = 8 << 20;
  std::size_t given = 0;
  for (std::size_t at = magic; at + sizeof(std::uint32_t) <= in.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, in.data() + at, sizeof length);
    at += sizeof length;
    if (length > in.size() - at)
      break;
    const int room = static_cast<int>(std::min<std::size_t>(out.size() - given, block));
    const int written =
        LZ4_decompress_safe(reinterpret_cast<const char*>(in.data() + at), reinterpret_cast<char*>(out.data() + given),
                            static_cast<int>(length), room);
    if (written < 0)
      return 0;
    given += static_cast<std::size_t>(written);
    at += length;
  }
  return given;
}

std::size_t by_library(Codec which, Bytes in, MutBytes out) {
  switch (which) {
  case Codec::gzip: return by_zlib(in, out);
  case Codec::xz: return by_liblzma(in, out);
  case Codec::zstd: return by_libzstd(in, out);
  case Codec::lz4_legacy: return by_liblz4(in, out);
  default: return 0;
  }
}

void measure(const std::string& file, unsigned times, double seconds) {
  const std::vector<std::byte> in = content_of(file);
  const Bytes head = Bytes(in).first(std::min(in.size(), codec::head_size));
  const auto which = codec::detect(head);
  if (!which)
    stop(file, "no compression that is known");
  // Touched, and so there, before anything is timed.
  std::vector<std::byte> out(256_MiB >= in.size() * 12 ? in.size() * 12 : 256_MiB);
  std::string_view name = codec::name(*which);
  name = name.substr(0, name.find(' '));
  std::printf("decode: %s %.*s", std::filesystem::path(file).filename().c_str(), static_cast<int>(name.size()),
              name.data());
  double spent = 0;
  for (unsigned i = 0; i < times || spent < seconds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t size = by_library(*which, in, out);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (size == 0)
      stop(file, "does not decode");
    if (i == 0)
      std::printf(" %zu bytes", size);
    std::printf(" %.4f s", took.count());
    spent += took.count();
  }
  std::printf("\n");
}

} // namespace

int main(int count, char** words) {
  unsigned times = 3;
  double seconds = 0;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--times" && i + 1 < count)
      times = static_cast<unsigned>(std::strtoul(words[++i], nullptr, 10));
    else if (word == "--seconds" && i + 1 < count)
      seconds = std::strtod(words[++i], nullptr);
    else
      measure(words[i], times, seconds);
  }
}
