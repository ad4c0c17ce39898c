// Any text as a pattern (its first line) and a text to search (the rest): groups lie inside the text.
#include "config/grub/regular_expression.hpp"

#include <cstdlib>

using pvboot::config::grub::RegularExpression;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t half = input.find('\n') == std::string_view::npos ? size : input.find('\n');
  const auto expression = RegularExpression::compile(input.substr(0, half));
  if (!expression)
    return 0;
  const std::string_view text = input.substr(half).substr(0, 4096);
  const auto match = expression->search(text);
  if (!match)
    return 0;
  for (const auto& [from, to] : *match) {
    const bool unset = from == std::string_view::npos;
    if (!unset && (from > to || to > text.size()))
      std::abort();
  }
  return 0;
}
