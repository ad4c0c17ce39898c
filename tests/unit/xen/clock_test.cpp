#include "fake_xen.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::xen;

TEST_CASE("time is scaled by multiplier and shift, both ways") {
  struct Case {
    std::int8_t shift;
    std::uint32_t mul;
    std::uint64_t ticks, nanoseconds;
  };
  // 1 GHz, 2 GHz, 4 GHz by a right shift, 0.5 GHz by a left shift, and a product that needs more than 64 bits.
  const Case cases[] = {{1, 1u << 31, 1000, 1000},
                        {0, 1u << 31, 1000, 500},
                        {-1, 1u << 31, 1000, 250},
                        {2, 1u << 31, 1000, 2000},
                        {0, 0xffffffff, std::uint64_t{1} << 40, (std::uint64_t{1} << 40) - 256}};
  for (const Case& c : cases) {
    FakeXen xen;
    auto& time = xen.shared.vcpu_info[0].time;
    time.tsc_shift = c.shift;
    time.tsc_to_system_mul = c.mul;
    time.system_time = 5'000;
    time.tsc_timestamp = 10'000;
    xen.now_ns = 10'000 + c.ticks - 100; // a look moves it by 100
    CHECK(xen.clock.now().nanoseconds == 5'000 + c.nanoseconds);
  }
}

TEST_CASE("time does not go back when the counter does") {
  FakeXen xen;
  const Instant before = xen.clock.now();
  xen.now_ns -= 5'000'000;
  CHECK(xen.clock.now() >= before);
}

TEST_CASE("a counter behind the last update gives the time of the update") {
  FakeXen xen;
  xen.shared.vcpu_info[0].time.system_time = 77;
  xen.shared.vcpu_info[0].time.tsc_timestamp = xen.now_ns + 1'000'000;
  CHECK(xen.clock.now().nanoseconds == 77);
}

TEST_CASE("a version that stays odd ends in bounded time") {
  FakeXen xen;
  xen.shared.vcpu_info[0].time.version = 3;
  CHECK(xen.clock.now().nanoseconds > 0);
}

TEST_CASE("instants do not wrap") {
  CHECK(Instant{~0ull - 5} + seconds(1) == Instant{~0ull});
  CHECK(Instant{5} - Instant{9} == Duration{0});
}
