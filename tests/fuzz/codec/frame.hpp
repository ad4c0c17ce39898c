// A compressed file that a fuzz input describes: its bytes as they grow, and what may come out of them.
//
// Its checksums are right unless the input says otherwise, so that what lies behind a checksum is reached.
#pragma once

#include "base/bytes.hpp"

#include "tests/fuzz/script.hpp"

#include <optional>
#include <type_traits>
#include <vector>
#include <zlib.h>

namespace pvboot {

using Octets = std::vector<std::byte>;

inline std::uint32_t crc(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// Fields one behind the other.
struct Fields {
  Octets bytes;

  template <typename T> void put(T field) { put(std::as_bytes(std::span(&field, 1))); }
  void put(Bytes raw) { bytes.insert(bytes.end(), raw.begin(), raw.end()); }
  void octet(unsigned value) { bytes.push_back(static_cast<std::byte>(value)); }
};

struct Frame : Fields {
  Octets content;
  bool sound = true;               ///< all is in order, and none of it a thing that may be refused: `content` comes out
  bool guarded = false;            ///< if anything comes out, it is `content`
  bool states_size = false;        ///< the size of `content`, where stated_size() looks
  std::optional<std::size_t> ends; ///< where in `bytes` the decoder has to stop; nothing: at their end or before
};

/// True now and then: something is to be wrong with `frame`.
inline bool spoils(Script& script, Frame& frame) {
  const bool spoilt = script.byte() >= 250;
  frame.sound = frame.sound && !spoilt;
  return spoilt;
}

/// Mostly what it should be.
template <std::unsigned_integral T = std::uint32_t>
T perhaps(Script& script, Frame& frame, std::type_identity_t<T> right) {
  const bool was_sound = frame.sound;
  if (!spoils(script, frame))
    return right;
  const T other = script.number<T>();
  frame.sound = was_sound && other == right;
  return other;
}

inline Octets take(Script& script, std::size_t length) {
  Octets bytes(length);
  for (std::byte& one : bytes)
    one = std::byte{script.byte()};
  return bytes;
}

/// XZ streams, with padding and others behind the first.
Frame xz(Script& script);

/// gzip members, with anything behind the first.
Frame gzip(Script& script);

} // namespace pvboot
