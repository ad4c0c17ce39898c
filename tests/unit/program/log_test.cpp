#include "scene.hpp"

using namespace pvboot;
using namespace pvboot::loader;

TEST_CASE("each level shows its lines and those above it") {
  using config::LogLevel;
  const auto [level, shown] = GENERATE(std::pair{LogLevel::quiet, "pvboot: said\r\n"},
                                       std::pair{LogLevel::normal, "pvboot: said\r\npvboot: info\r\n"},
                                       std::pair{LogLevel::debug, "pvboot: said\r\npvboot: info\r\npvboot: debug\r\n"});
  Scene s;
  s.log.configure(level, false);
  s.log.say("said");
  s.log.info("info");
  s.log.debug("debug");
  s.log.timing("step");
  CHECK(s.text() == shown);
}

TEST_CASE("a timing line has the time since the start and since the line before") {
  Scene s;
  s.log.configure(config::LogLevel::normal, true);
  s.xen.now_ns += 1'234'000'000;
  s.log.timing("one");
  s.xen.now_ns += 5'000'000;
  s.log.timing("two", "more");
  CHECK(s.text().find("pvboot: timing: one: 1.2340 s, +1.2340 s\r\n") != std::string::npos);
  CHECK(s.text().find("pvboot: timing: two: 1.2390 s, +0.0050 s; more\r\n") != std::string::npos);
}

TEST_CASE("an error says where, what and what to do, and nothing of it harms a terminal") {
  Scene s;
  s.log.error("disk", Error(Code::io, "the device reported an error").at("\x1b[2Jxvda"));
  CHECK(s.text().find("pvboot: error: disk: ") == 0);
  CHECK(s.text().find("the device reported an error\r\npvboot:   ") != std::string::npos);
  CHECK(s.text().find('\x1b') == std::string::npos);
}
