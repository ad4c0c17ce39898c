// Byte views: spans of bytes from outside, cut and read with their bounds checked.
//
// Disk bytes are never cast to a struct. A format's struct is made of the endian fields below, is copied out
// with `read_as`, and has its offsets static_asserted by whoever defines it.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace pvboot {

using Bytes = std::span<const std::byte>;
using MutBytes = std::span<std::byte>;

/// An unsigned integer as it lies on disk: alignment 1, read with get().
template <typename T, bool big> class Endian {
public:
  constexpr Endian() = default;
  constexpr explicit Endian(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_[big ? sizeof(T) - 1 - i : i] = static_cast<std::byte>(value >> (8 * i));
  }
  constexpr T get() const {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = static_cast<T>(value | (static_cast<T>(bytes_[big ? sizeof(T) - 1 - i : i]) << (8 * i)));
    return value;
  }

private:
  std::byte bytes_[sizeof(T)] = {};
};

using u8 = std::uint8_t;
using le16 = Endian<std::uint16_t, false>;
using le32 = Endian<std::uint32_t, false>;
using le64 = Endian<std::uint64_t, false>;
using be16 = Endian<std::uint16_t, true>;
using be32 = Endian<std::uint32_t, true>;
using be64 = Endian<std::uint64_t, true>;

/// `length` bytes at `offset`; Code::corrupt when they do not lie inside `bytes`.
inline Result<Bytes> cut(Bytes bytes, std::uint64_t offset, std::uint64_t length) {
  if (offset > bytes.size() || length > bytes.size() - offset)
    return fail(Code::corrupt, "a field reaches past the end of its container");
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

/// A struct of endian fields copied out of `bytes` at `offset`; Code::corrupt when it does not lie inside.
template <typename T> Result<T> read_as(Bytes bytes, std::uint64_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1, "read structs of endian fields");
  const Bytes view = TRY(cut(bytes, offset, sizeof(T)));
  T value;
  std::memcpy(&value, view.data(), sizeof(T));
  return value;
}

/// The bytes as characters, for text and for magic strings.
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

} // namespace pvboot
