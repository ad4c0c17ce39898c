// Result<T>: a value or an Error, and the two ways to pass an error up.
//
//   auto superblock = TRY(read_superblock(reader));               // pass it up as it is
//   auto inode = TRY_AT(read_inode(n), "inode " + dec(n));        // pass it up and add a place
//
// The place of TRY_AT is evaluated only when there is an error.
#pragma once

#include "base/error.hpp"

#include <expected>
#include <utility>

namespace pvboot {

template <typename T> using Result = std::expected<T, Error>;

/// `return fail(Code::corrupt, "bad magic");` in a function that returns a Result.
inline std::unexpected<Error> fail(Code code, const char* message) { return std::unexpected(Error(code, message)); }

/// The same with a place.
inline std::unexpected<Error> fail(Code code, const char* message, std::string_view place) {
  return std::unexpected(Error(code, message).at(place));
}

namespace detail {
template <typename T> T take(Result<T>&& result) { return std::move(*result); }
inline void take(Result<void>&&) {}
} // namespace detail

} // namespace pvboot

// Each use has a variable of its own, so that one TRY may stand inside another.
#define PVBOOT_JOIN_(a, b) a##b
#define PVBOOT_JOIN(a, b) PVBOOT_JOIN_(a, b)
#define PVBOOT_TRY(result, expression, ...)                                                                            \
  __extension__({                                                                                                      \
    auto result = (expression);                                                                                        \
    if (!result) [[unlikely]]                                                                                          \
      return std::unexpected(std::move(result).error() __VA_ARGS__);                                                   \
    ::pvboot::detail::take(std::move(result));                                                                         \
  })

#define TRY(expression) PVBOOT_TRY(PVBOOT_JOIN(try_result_, __COUNTER__), expression)
#define TRY_AT(expression, place) PVBOOT_TRY(PVBOOT_JOIN(try_result_, __COUNTER__), expression, .at(place))
