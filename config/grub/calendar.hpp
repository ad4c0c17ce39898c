// The clock as grub.cfg sees it: the variables YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, WEEKDAY, and `date`'s line.
// UTC, Gregorian.
#pragma once

#include "config/environment.hpp"

namespace pvboot::config::grub {

struct CalendarTime {
  std::int64_t year = 1970;
  unsigned month = 1; ///< 1 to 12
  unsigned day = 1;   ///< 1 to 31
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned weekday = 4; ///< 0 is Sunday
};

CalendarTime calendar_time(std::int64_t unix_seconds);

/// The value of one of the variables above, "" for any other name.
std::string calendar_value(std::string_view name, Environment& environment);

/// "2026-11-22 15:07:05 Sunday"
std::string date_line(const CalendarTime& time);

} // namespace pvboot::config::grub
