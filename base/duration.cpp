#include "base/duration.hpp"

#include "base/text.hpp"

namespace pvboot {

std::string seconds_text(Duration duration) {
  const std::uint64_t ten_thousandths = duration.nanoseconds / 100'000;
  const std::string fraction = dec(ten_thousandths % 10'000 + 10'000);
  return dec(ten_thousandths / 10'000) + "." + fraction.substr(1) + " s";
}

} // namespace pvboot
