#include "base/text.hpp"

namespace pvboot {

namespace {

constexpr char digits[] = "0123456789abcdef";

std::string in_base(std::uint64_t value, unsigned base) {
  char buffer[20];
  char* at = buffer + sizeof buffer;
  do {
    *--at = digits[value % base];
    value /= base;
  } while (value != 0);
  return {at, buffer + sizeof buffer};
}

std::optional<unsigned> digit_value(char c) {
  if (c >= '0' && c <= '9')
    return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f')
    return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F')
    return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// Whether a terminal may take `byte` for a command: C0 and DEL, and C1 (U+0080 to U+009F), which in UTF-8 is 0xc2 and
/// a byte that elsewhere goes on with a character.
bool is_control(unsigned char byte, unsigned char before) {
  if (byte < 0x80)
    return byte < 0x20 || byte == 0x7f;
  return byte < 0xa0 && (before < 0x80 || before == 0xc2);
}

} // namespace

std::string dec(std::uint64_t value) { return in_base(value, 10); }
std::string hex(std::uint64_t value) { return "0x" + in_base(value, 16); }

std::optional<std::uint64_t> parse_number(std::string_view text) {
  unsigned base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  if (text.empty())
    return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = digit_value(c);
    if (!digit || *digit >= base || __builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, *digit, &value))
      return std::nullopt;
  }
  return value;
}

std::string human_size(std::uint64_t bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t whole = bytes;
  std::uint64_t rest = 0;
  while (whole >= 1024 && unit + 1 < std::size(units)) {
    rest = whole & 1023;
    whole >>= 10;
    ++unit;
  }
  std::string out = dec(whole);
  if (const std::uint64_t tenth = rest * 10 / 1024; tenth != 0)
    out += "." + dec(tenth);
  return out + " " + units[unit];
}

std::string printable(std::string_view text, std::size_t max_length) {
  std::string out;
  unsigned char before = 0;
  for (const char c : text) {
    if (out.size() >= max_length)
      return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (is_control(byte, before)) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
      before = 0;
    } else {
      out += c;
      before = byte;
    }
  }
  return out;
}

} // namespace pvboot
