// A length of time, in nanoseconds; waits take one as their limit.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace pvboot {

struct Duration {
  std::uint64_t nanoseconds = 0;
  constexpr auto operator<=>(const Duration&) const = default;
};
constexpr Duration milliseconds(std::uint64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(std::uint64_t n) { return {n * 1'000'000'000}; }

/// For people: "1.2345 s".
std::string seconds_text(Duration duration);

} // namespace pvboot
