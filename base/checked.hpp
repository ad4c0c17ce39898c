// Arithmetic on numbers from outside: the result, or nothing when it does not fit.
#pragma once

#include <concepts>
#include <optional>

namespace pvboot {

template <std::unsigned_integral T> constexpr std::optional<T> checked_add(T a, std::type_identity_t<T> b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum))
    return std::nullopt;
  return sum;
}

template <std::unsigned_integral T> constexpr std::optional<T> checked_mul(T a, std::type_identity_t<T> b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product))
    return std::nullopt;
  return product;
}

/// `value` rounded up to a multiple of `unit`, a power of two.
template <std::unsigned_integral T> constexpr std::optional<T> checked_align_up(T value, std::type_identity_t<T> unit) {
  const auto sum = checked_add<T>(value, unit - 1);
  if (!sum)
    return std::nullopt;
  return static_cast<T>(*sum & ~(unit - 1));
}

/// The same for numbers already known to be far from the type's end.
template <std::unsigned_integral T> constexpr T align_up(T value, std::type_identity_t<T> unit) {
  return static_cast<T>((value + unit - 1) & ~(unit - 1));
}
template <std::unsigned_integral T> constexpr T align_down(T value, std::type_identity_t<T> unit) {
  return static_cast<T>(value & ~(unit - 1));
}

} // namespace pvboot
