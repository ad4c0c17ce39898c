#include "fs/checksum.hpp"

#include <array>

namespace pvboot::fs {

namespace {

template <typename T, T reflected_polynomial> constexpr std::array<T, 256> make_table() {
  std::array<T, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    T value = static_cast<T>(byte);
    for (int bit = 0; bit < 8; ++bit)
      value = static_cast<T>((value >> 1) ^ ((value & 1) != 0 ? reflected_polynomial : 0));
    table[byte] = value;
  }
  return table;
}

constexpr auto table_32 = make_table<std::uint32_t, 0xedb88320>();
constexpr auto table_32c = make_table<std::uint32_t, 0x82f63b78>();
constexpr auto table_16 = make_table<std::uint16_t, 0xa001>();

template <typename T> T update(const std::array<T, 256>& table, T crc, Bytes bytes) {
  for (const std::byte byte : bytes)
    crc = static_cast<T>((crc >> 8) ^ table[(crc ^ static_cast<T>(byte)) & 0xff]);
  return crc;
}

} // namespace

std::uint32_t crc32_update(std::uint32_t crc, Bytes bytes) { return update(table_32, crc, bytes); }
std::uint32_t crc32c_update(std::uint32_t crc, Bytes bytes) { return update(table_32c, crc, bytes); }
std::uint16_t crc16_update(std::uint16_t crc, Bytes bytes) { return update(table_16, crc, bytes); }

} // namespace pvboot::fs
