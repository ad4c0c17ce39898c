#include "config/grub/calendar.hpp"

#include "base/text.hpp"

namespace pvboot::config::grub {

namespace {

constexpr const char* weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

std::string two_digits(unsigned value) { return (value < 10 ? "0" : "") + dec(value); }

constexpr std::int64_t seconds_per_day = 86400;

} // namespace

CalendarTime calendar_time(std::int64_t unix_seconds) {
  std::int64_t days = unix_seconds / seconds_per_day;
  std::int64_t rest = unix_seconds % seconds_per_day;
  if (rest < 0) {
    rest += seconds_per_day;
    --days;
  }
  CalendarTime time;
  time.hour = static_cast<unsigned>(rest / 3600);
  time.minute = static_cast<unsigned>(rest / 60 % 60);
  time.second = static_cast<unsigned>(rest % 60);
  time.weekday = static_cast<unsigned>(((days % 7) + 11) % 7); // 1970-01-01 was a Thursday

  // Years that begin in March have their leap day last; eras of 400 years are all alike.
  const std::int64_t since_0000_03_01 = days + 719468;
  const std::int64_t era = (since_0000_03_01 >= 0 ? since_0000_03_01 : since_0000_03_01 - 146096) / 146097;
  const std::int64_t day_of_era = since_0000_03_01 - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  time.day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  time.month = static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  time.year = year_of_era + era * 400 + (time.month <= 2 ? 1 : 0);
  return time;
}

std::string calendar_value(std::string_view name, Environment& environment) {
  constexpr std::string_view names[] = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "WEEKDAY"};
  std::size_t which = 0;
  while (which < std::size(names) && names[which] != name)
    ++which;
  if (which == std::size(names))
    return {};
  const CalendarTime time = calendar_time(environment.unix_time());
  switch (which) {
  case 0: return dec(static_cast<std::uint64_t>(time.year < 0 ? 0 : time.year));
  case 1: return dec(time.month);
  case 2: return dec(time.day);
  case 3: return dec(time.hour);
  case 4: return dec(time.minute);
  case 5: return dec(time.second);
  default: return weekdays[time.weekday];
  }
}

std::string date_line(const CalendarTime& time) {
  const auto year = static_cast<std::uint64_t>(time.year < 0 ? 0 : time.year);
  return dec(year) + "-" + two_digits(time.month) + "-" + two_digits(time.day) + " " + two_digits(time.hour) + ":" +
         two_digits(time.minute) + ":" + two_digits(time.second) + " " + weekdays[time.weekday];
}

} // namespace pvboot::config::grub
