#include "loader/discover/device_name.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace pvboot::loader {

namespace {

constexpr unsigned max_number = 100000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_disk_letter(char c) { return c >= 'a' && c <= 'z'; }

std::optional<unsigned> small_number(std::string_view digits) {
  // A hexadecimal number is none here.
  const auto value = std::ranges::all_of(digits, is_digit) ? parse_number(digits) : std::nullopt;
  if (!value || *value > max_number)
    return std::nullopt;
  return static_cast<unsigned>(*value);
}

// "gpt1", "msdos1" or "1".
bool parse_partition(std::string_view text, Counting counting, DeviceName& name) {
  for (const std::string_view scheme : {"gpt", "msdos"})
    if (text.starts_with(scheme)) {
      name.scheme = scheme;
      text.remove_prefix(scheme.size());
      counting = Counting::from_one;
      break;
    }
  const auto number = small_number(text);
  if (!number || (counting == Counting::from_one && *number == 0))
    return false;
  name.partition = *number + (counting == Counting::from_zero ? 1 : 0);
  return true;
}

// "hd0" or "xvda" or "xvda1".
bool parse_disk(std::string_view text, bool may_have_partition, DeviceName& name) {
  if (text.starts_with("hd") && text.size() > 2 && is_digit(text[2])) {
    name.index = small_number(text.substr(2));
    return name.index.has_value();
  }
  std::size_t letters = 0;
  while (letters < text.size() && is_disk_letter(text[letters]))
    ++letters;
  if (letters == 0)
    return false;
  name.disk = text.substr(0, letters);
  const std::string_view rest = text.substr(letters);
  if (rest.empty())
    return true;
  return may_have_partition && parse_partition(rest, Counting::from_one, name) && name.scheme.empty();
}

} // namespace

std::optional<DeviceName> parse_device_name(std::string_view text, Counting counting) {
  DeviceName name;
  if (text.starts_with("xen/"))
    text.remove_prefix(4);
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos)
    return parse_disk(text, true, name) ? std::optional(name) : std::nullopt;
  if (!parse_disk(text.substr(0, comma), false, name) || !parse_partition(text.substr(comma + 1), counting, name))
    return std::nullopt;
  return name;
}

} // namespace pvboot::loader
