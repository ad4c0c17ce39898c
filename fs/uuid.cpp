#include "fs/uuid.hpp"

namespace pvboot::fs {

Uuid Uuid::from_guid(const std::array<std::byte, 16>& stored) {
  constexpr std::uint8_t from[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i)
    uuid.bytes[i] = stored[from[i]];
  return uuid;
}

std::string Uuid::text() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out += '-';
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

} // namespace pvboot::fs
