#include "fake_xen.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace pvboot;
using namespace pvboot::xen;

TEST_CASE("nothing is ever delivered by upcall") {
  FakeXen xen;
  CHECK(xen.shared.vcpu_info[0].evtchn_upcall_mask == 1);
}

TEST_CASE("an event ends the wait for its port at once, and only one wait") {
  FakeXen xen;
  const EventPort port = *xen.events.allocate_unbound(DomainId{0});
  xen.raise(port);
  const Instant start = xen.clock.now();
  xen.events.wait(port, start + seconds(5));
  CHECK(xen.clock.now() - start < seconds(1));
  CHECK(!xen.events.pending(port));
  xen.events.wait(port, start + seconds(5));
  CHECK(xen.clock.now() - start >= seconds(5));
  CHECK(xen.clock.now() - start < seconds(6));
}

TEST_CASE("of several ports any ends the wait") {
  FakeXen xen;
  const std::array ports = {*xen.events.allocate_unbound(DomainId{0}), *xen.events.allocate_unbound(DomainId{0})};
  xen.raise(ports[1]);
  const Instant start = xen.clock.now();
  xen.events.wait(ports, start + seconds(5));
  CHECK(xen.clock.now() - start < seconds(1));
  CHECK(!xen.events.pending(ports[1]));
}

TEST_CASE("a port's event does not outlive the port") {
  FakeXen xen;
  const EventPort port = *xen.events.allocate_unbound(DomainId{0});
  xen.raise(port);
  REQUIRE(xen.events.close(port));
  CHECK(!xen.events.pending(port));
  CHECK(!xen.events.close(port));
}

TEST_CASE("a port past the 2-level ABI is refused") {
  FakeXen xen;
  xen.open_ports.resize(EVTCHN_2L_NR_CHANNELS, true);
  CHECK(xen.events.allocate_unbound(DomainId{0}).error().code() == Code::too_large);
}
