#include "config/grub/calendar.hpp"

#include <catch2/catch.hpp>

using namespace pvboot::config::grub;

TEST_CASE("seconds since 1970 are dates") {
  struct Case {
    std::int64_t seconds;
    const char* line;
  };
  constexpr Case cases[] = {
      {0, "1970-01-01 00:00:00 Thursday"},        {951782399, "2000-02-28 23:59:59 Monday"},
      {951782400, "2000-02-29 00:00:00 Tuesday"}, {1709164800, "2024-02-29 00:00:00 Thursday"},
      {1795360025, "2026-11-22 15:07:05 Sunday"}, {4107542400, "2100-03-01 00:00:00 Monday"},
      {-1, "1969-12-31 23:59:59 Wednesday"},      {253402300799, "9999-12-31 23:59:59 Friday"},
  };
  for (const Case& one : cases)
    CHECK(date_line(calendar_time(one.seconds)) == one.line);
}

TEST_CASE("the farthest times are survived") {
  date_line(calendar_time(INT64_MAX));
  date_line(calendar_time(INT64_MIN));
}
