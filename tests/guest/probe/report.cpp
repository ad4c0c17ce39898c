#include "report.hpp"

namespace pvboot::probe {

void Report::add(std::string_view text) {
  for (const char c : text) {
    if (used_ == room) {
      ++wrong_; // the end is missing: that is no good start
      return;
    }
    text_[used_++] = c;
  }
}

void Report::add(Hex number) {
  char digits[16];
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[number.value & 15];
    number.value >>= 4;
  } while (number.value != 0);
  add("0x");
  while (count != 0)
    add(std::string_view(&digits[--count], 1));
}

void Report::add(Dec number) {
  char digits[20];
  std::size_t count = 0;
  do
    digits[count++] = static_cast<char>('0' + number.value % 10);
  while ((number.value /= 10) != 0);
  while (count != 0)
    add(std::string_view(&digits[--count], 1));
}

void Report::verdict() {
  add("PROBE: ");
  if (wrong_ == 0) {
    add("ok\n");
    return;
  }
  add("FAILED ");
  add(Dec{wrong_});
  add(": ");
  add(first_.empty() ? "the report is too long" : first_);
  add("\n");
}

} // namespace pvboot::probe
