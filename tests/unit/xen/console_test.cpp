#include "fake_console.hpp"
#include "xen/crash.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

struct Scene {
  explicit Scene(XENCONS_RING_IDX first_index = 0) {
    ring.in_cons = ring.in_prod = ring.out_cons = ring.out_prod = first_index;
  }
  FakeXen xen;
  xencons_interface ring{};
  FakeConsole reader{xen, ring};
  Console console{ring, FakeConsole::port, xen.events, xen.clock};
};

} // namespace

TEST_CASE("text goes out with line ends for a terminal") {
  Scene s;
  s.console.write("one\ntwo\n\nthree");
  s.console.drain(seconds(1));
  CHECK(s.reader.text == "one\r\ntwo\r\n\r\nthree");
  CHECK(s.xen.sends > 0);
}

TEST_CASE("more text than the ring holds arrives whole, whatever the indices start at") {
  const XENCONS_RING_IDX first_index = GENERATE(0u, 2047u, 0xfffffff0u);
  Scene s(first_index);
  s.reader.bytes_a_run = 100;
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "line " + std::to_string(i) + "; ";
  s.console.write(text);
  s.console.drain(seconds(1));
  CHECK(s.reader.text == text);
  CHECK(s.console.bytes_lost() == 0);
}

TEST_CASE("nobody reads: the first write waits, the others do not, and the loss is said") {
  Scene s;
  s.reader.asleep = true;
  s.console.write(std::string(2048, 'a'));
  const Instant start = s.xen.clock.now();
  s.console.write(std::string(100, 'b'));
  CHECK(s.xen.clock.now() - start >= Console::patience);
  const Instant later = s.xen.clock.now();
  for (int i = 0; i < 1000; ++i)
    s.console.write("more\n");
  CHECK(s.xen.clock.now() - later < milliseconds(10));
  CHECK(s.console.bytes_lost() == 100 + 6000);

  s.reader.asleep = false;
  s.console.drain(seconds(1));
  s.reader.run();
  s.console.write("back\n");
  s.reader.run();
  CHECK(s.reader.text == std::string(2048, 'a') + "\r\n[pvboot: 6100 bytes of output lost]\r\nback\r\n");
}

TEST_CASE("keys come in order, past the end of the ring and of the index") {
  const XENCONS_RING_IDX first_index = GENERATE(0u, 1023u, 0xfffffffeu);
  Scene s(first_index);
  for (int i = 0; i < 3000; ++i)
    s.reader.typed += static_cast<char>('a' + i % 26);
  for (int i = 0; i < 3000; ++i) {
    const auto key = s.console.read_key(seconds(1));
    REQUIRE(key);
    REQUIRE(*key == 'a' + i % 26);
  }
  CHECK(!s.console.read_key(milliseconds(10)));
}

TEST_CASE("a key is waited for only so long") {
  Scene s;
  const Instant start = s.xen.clock.now();
  CHECK(!s.console.read_key(seconds(3)));
  CHECK(s.xen.clock.now() - start >= seconds(3));
  CHECK(s.xen.clock.now() - start < seconds(4));
}

TEST_CASE("indices out of range cost text and keys, nothing else") {
  Scene s;
  s.reader.asleep = true;
  s.ring.out_cons = 5000;
  s.ring.in_prod = 70000;
  s.console.write(std::string(5000, 'x'));
  CHECK(!s.console.read_key(milliseconds(10)));
  s.ring.in[MASK_XENCONS_IDX(70000, s.ring.in)] = 'k';
  s.ring.in_prod = 70001;
  CHECK(s.console.read_key(milliseconds(10)) == 'k');
}

TEST_CASE("without a ring the console is Xen's") {
  FakeXen xen;
  Console console(xen.events, xen.clock);
  console.write("hello\n");
  CHECK(xen.console_io == "hello\r\n");
  xen.console_input = "y";
  CHECK(console.read_key(seconds(1)) == 'y');
  const Instant start = xen.clock.now();
  CHECK(!console.read_key(seconds(1)));
  CHECK(xen.clock.now() - start >= seconds(1));
}

TEST_CASE("a crash is told on the ring and to Xen, then the domain is a crashed one") {
  Scene s;
  set_crash_console(&s.console);
  report_hex("value ", 0xabc);
  try {
    crash("\nthe end\n");
  } catch (const ShutdownSeen& seen) {
    CHECK(seen.reason == SHUTDOWN_crash);
  }
  set_crash_console(nullptr);
  CHECK(s.reader.text == "value 0000000000000abc\r\nthe end\r\n");
  CHECK(s.xen.console_io == "value 0000000000000abc\nthe end\n");
}

TEST_CASE("a crash while nobody reads the ring reaches Xen whole and soon, and what waits in the ring stays") {
  const std::size_t waiting = GENERATE(2048u, 2000u, 0u);
  const XENCONS_RING_IDX first_index = GENERATE(0u, 0xfffffc00u);
  Scene s(first_index);
  s.reader.asleep = true;
  std::string before;
  for (std::size_t i = 0; i < waiting; ++i)
    before += static_cast<char>('a' + i % 23);
  s.console.write(before);

  set_crash_console(&s.console);
  const Instant start = s.xen.clock.now();
  std::string told;
  for (unsigned line = 0; line < 100; ++line) {
    const std::string text = "line " + std::to_string(line) + " of what is known\n";
    report(text);
    told += text;
  }
  CHECK_THROWS_AS(crash("the end\n"), ShutdownSeen);
  set_crash_console(nullptr);
  CHECK(s.xen.clock.now() < start + Console::patience + milliseconds(10));
  CHECK(s.xen.console_io == told + "the end\n");

  CHECK(s.ring.out_cons == first_index);
  CHECK(s.ring.out_prod - first_index == sizeof s.ring.out);
  s.reader.asleep = false;
  s.reader.run();
  CHECK(s.reader.text.starts_with(before));
}
