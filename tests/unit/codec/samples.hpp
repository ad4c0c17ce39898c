// Data to compress, and the real tools that compress it.
#pragma once

#include "fs/codec/decoder.hpp"

#include <string>
#include <vector>

namespace pvboot::test {

using Octets = std::vector<std::byte>;

/// `size` bytes that compress about as a kernel does: words that repeat at all distances, and noise.
Octets sample(std::size_t size, unsigned seed = 1);

/// What `command` ("xz -9 -c") makes of `input` on its standard output; fails the test if it cannot be run.
Octets filter(const std::string& command, Bytes input);

/// A way to compress, and the codec that has to be detected.
struct Tool {
  codec::Codec codec;
  std::string command;
};

/// Every format in its variants; a tool that is not installed fails its test.
std::vector<Tool> tools();

/// The default variant of each format.
std::vector<Tool> one_tool_each();

struct Decoded {
  Octets output;            ///< what is final
  std::size_t consumed = 0; ///< of the input
  std::size_t arena_peak = 0;
};

struct DecodeOptions {
  std::size_t window = 0;
  std::size_t chunk = 1 << 20;
  std::size_t arena = 0; ///< 0: what memory_needed() says
  MutBytes memory{};     ///< the arena itself, for tests that decode thousands of times
};

/// Detects, opens, feeds in chunks and finishes, as a loader does.
Result<Decoded> decode(Bytes input, DecodeOptions options);

} // namespace pvboot::test
