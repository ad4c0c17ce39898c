// A fuzz input as a list of decisions, taken one after another.
//
// When all are used up it answers 0 for ever, which its users take for "as usual"; or it begins again, so that a short
// input makes a peer that never stops.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <span>

namespace pvboot {

/// What every input must leave true.
inline void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds)
    return;
  std::fprintf(stderr, "%s:%u: does not hold\n", where.file_name(), static_cast<unsigned>(where.line()));
  std::abort();
}

class Script {
public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t byte() {
    if (at_ == bytes_.size() && repeats_)
      at_ = 0;
    return at_ < bytes_.size() ? bytes_[at_++] : std::uint8_t{0};
  }
  bool flag() { return (byte() & 1) != 0; }
  bool ended() const { return at_ == bytes_.size() && !repeats_; }

  /// The bytes as they stand, little-endian.
  template <std::unsigned_integral T> T number() {
    T value = 0;
    for (unsigned shift = 0; shift < 8 * sizeof(T); shift += 8)
      value = static_cast<T>(value | static_cast<T>(byte()) << shift);
    return value;
  }

  template <typename T, std::size_t size> const T& one_of(const T (&table)[size]) { return table[byte() % size]; }

  /// The first `share` of 256 parts of what is left; the rest stays here.
  Script cut_off(std::uint8_t share) {
    const auto left = bytes_.subspan(at_);
    const std::size_t size = left.size() * share / 256;
    *this = Script(left.subspan(size));
    return Script(left.first(size));
  }

  /// What is left is said again and again.
  void repeat() {
    bytes_ = bytes_.subspan(at_);
    at_ = 0;
    repeats_ = !bytes_.empty();
  }

private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool repeats_ = false;
};

} // namespace pvboot
