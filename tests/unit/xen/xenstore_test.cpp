#include "fake_store.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

struct Scene {
  explicit Scene(std::uint32_t first_index = 0) : store(xen, first_index) {}
  FakeXen xen;
  FakeStore store;
  XenStore client{store.ring, FakeStore::port, xen.events, xen.clock};
};

} // namespace

TEST_CASE("what is written is read, listed and removed") {
  const std::uint32_t first_index = GENERATE(0u, 1000u, 0xffffff00u);
  Scene s(first_index);
  REQUIRE(s.client.write("device/vbd/1/state", "4"));
  REQUIRE(s.client.write_number("device/vbd/2/state", 6));
  REQUIRE(s.client.make_directory("device/empty"));
  CHECK(*s.client.read("device/vbd/1/state") == "4");
  CHECK(*s.client.read_number("device/vbd/2/state") == 6);
  CHECK(*s.client.list("device/vbd") == std::vector<std::string>{"1", "2"});
  CHECK(s.client.list("device/empty")->empty());
  REQUIRE(s.client.remove("device/vbd/1"));
  REQUIRE(s.client.remove("device/vbd/1"));
  CHECK(s.client.read("device/vbd/1/state").error().code() == Code::not_found);
  CHECK(*s.client.read_number_or("device/vbd/1/state", 9) == 9);
}

TEST_CASE("errors carry the path") {
  Scene s;
  CHECK(s.client.read("no/where").error().text() == "no/where: no such key in xenstore");
  s.store.values["text"] = "x1";
  CHECK(s.client.read_number("text").error().code() == Code::corrupt);
  CHECK(s.client.read_number_or("text", 1).error().code() == Code::corrupt);
  s.store.tamper = [](FakeStore::Message& m) {
    m.payload = std::string("EWEIRD") + '\0';
    m.header.type = XS_ERROR;
    m.header.len = 7;
  };
  CHECK(s.client.read("text").error().code() == Code::io);
}

TEST_CASE("messages larger than the ring go both ways, a byte at a time if need be") {
  const std::size_t bytes_a_run = GENERATE(std::size_t{1}, std::size_t{7}, SIZE_MAX);
  Scene s;
  s.store.bytes_a_run = bytes_a_run;
  const std::string value(4000, 'v');
  REQUIRE(s.client.write("key", value));
  CHECK(*s.client.read("key") == value);
}

TEST_CASE("a request over the protocol's limit is not sent") {
  Scene s;
  CHECK(s.client.write("key", std::string(4096, 'v')).error().code() == Code::too_large);
  CHECK(s.store.requests.empty());
  CHECK(s.client.write("key", "v"));
}

TEST_CASE("a transaction's writes carry its id; a conflict is told from a commit") {
  Scene s;
  s.store.conflicts = 1;
  const Transaction t = *s.client.begin();
  CHECK(t.id == 7);
  REQUIRE(s.client.write("a", "1", t));
  CHECK(s.store.requests.back().tx_id == 7);
  CHECK(*s.client.end(t, true) == false);
  s.store.tamper = [](FakeStore::Message& m) {
    m.payload = std::string("EAGAIN") + '\0';
    m.header.type = XS_ERROR;
    m.header.len = 7;
  };
  CHECK(*s.client.end(t, false) == true);
  s.store.tamper = {};
  CHECK(*s.client.end(*s.client.begin(), true) == true);
  CHECK(*s.client.end(*s.client.begin(), false) == true);
}

TEST_CASE("watch events come between answers and are kept in order") {
  Scene s;
  REQUIRE(s.client.watch("backend", "token"));
  s.store.set("backend/state", "2");
  s.store.set("backend/state", "4");
  CHECK(*s.client.read("backend/state") == "4");
  for (const char* path : {"backend", "backend/state", "backend/state"}) {
    const auto event = *s.client.next_event(seconds(1));
    REQUIRE(event);
    CHECK(event->path == path);
    CHECK(event->token == "token");
  }
  CHECK(!*s.client.next_event(milliseconds(5)));
  REQUIRE(s.client.unwatch("backend", "token"));
  s.store.set("backend/state", "5");
  CHECK(!*s.client.next_event(milliseconds(5)));
}

TEST_CASE("an event wakes the one who waits for it") {
  Scene s;
  REQUIRE(s.client.watch("key", "t"));
  REQUIRE(*s.client.next_event(seconds(1)));
  s.store.set("key", "v");
  const Instant start = s.xen.clock.now();
  REQUIRE(*s.client.next_event(seconds(5)));
  CHECK(s.xen.clock.now() - start < seconds(1));
}

TEST_CASE("a flood of events is bounded in memory") {
  Scene s;
  for (int i = 0; i < 2000; ++i)
    s.store.say(XS_WATCH_EVENT, 0, "p" + std::to_string(i) + '\0' + "t" + '\0');
  REQUIRE(s.client.write("key", "v"));
  std::size_t count = 0;
  while (*s.client.next_event({}))
    ++count;
  CHECK(count <= XenStore::max_queued_events);
}

TEST_CASE("malformed events are dropped") {
  Scene s;
  for (const std::string& payload : {std::string(), std::string("no end"), std::string("path") + '\0' + "no end"})
    s.store.say(XS_WATCH_EVENT, 0, payload);
  CHECK(!*s.client.next_event(milliseconds(5)));
  CHECK(s.client.usable());
}

TEST_CASE("a store that takes requests and never answers times out; its late answer is thrown away") {
  Scene s;
  s.store.deaf = true;
  s.store.values["key"] = "new";
  const Instant start = s.xen.clock.now();
  CHECK(s.client.read("key").error().code() == Code::timed_out);
  CHECK(s.xen.clock.now() - start < seconds(11));
  s.store.deaf = false;
  s.store.say(XS_READ, s.store.requests.back().req_id, "old");
  CHECK(*s.client.read("key") == "new");
}

TEST_CASE("a store that takes nothing is given up, at once from then on") {
  Scene s;
  s.store.silent = true;
  CHECK(s.client.write("key", std::string(4000, 'v')).error().code() == Code::gone);
  CHECK(!s.client.usable());
  const Instant start = s.xen.clock.now();
  CHECK(s.client.read("key").error().code() == Code::gone);
  CHECK(s.client.next_event(seconds(9)).error().code() == Code::gone);
  CHECK(s.client.end({1}, true).error().code() == Code::gone);
  CHECK(s.xen.clock.now() - start < seconds(1));
}

TEST_CASE("a store that no event reaches is given up: half a request cannot be taken back") {
  Scene s;
  s.xen.sends_fail = true;
  CHECK(s.client.read("key").error().code() == Code::gone);
  s.xen.sends_fail = false;
  CHECK(!s.client.usable());
  CHECK(s.client.read("key").error().code() == Code::gone);
}

TEST_CASE("a store that breaks the protocol is given up") {
  using Damage = void (*)(Scene&);
  const Damage damages[] = {
      [](Scene& s) { s.store.ring.rsp_prod = s.store.ring.rsp_cons + 1025; },
      [](Scene& s) { s.store.ring.req_cons = s.store.ring.req_prod + 1; },
      [](Scene& s) { s.store.tamper = [](FakeStore::Message& m) { m.header.len = 4097; }; },
      [](Scene& s) { s.store.tamper = [](FakeStore::Message& m) { m.header.len = ~0u; }; },
      [](Scene& s) { s.store.tamper = [](FakeStore::Message& m) { m.header.type = XS_WRITE; }; },
  };
  for (const Damage damage : damages) {
    Scene s;
    damage(s);
    CHECK(s.client.read("key").error().code() == Code::gone);
    CHECK(!s.client.usable());
  }
}

TEST_CASE("a store that talks for ever about something else does not hang the client") {
  Scene s;
  s.store.deaf = true;
  struct Chatter final : Peer {
    Chatter(FakeXen& xen, FakeStore& store) : xen_(xen), store_(store) {}
    void run() override {
      store_.say(XS_READ, 0xdead, "x");
      xen_.now_ns += 1'000'000;
    }
    FakeXen& xen_;
    FakeStore& store_;
  } chatter(s.xen, s.store);
  s.xen.peers.push_back(&chatter);
  CHECK(s.client.read("key").error().code() == Code::timed_out);
}

TEST_CASE("the end leaves no watch, no event and no half message") {
  Scene s;
  REQUIRE(s.client.watch("key", "t"));
  s.store.set("key", "v");
  s.store.bytes_a_run = 5;
  REQUIRE(s.client.reset_watches());
  CHECK(s.store.watches.empty());
  s.xen.now_ns += 1'000'000;
  CHECK(s.store.ring.rsp_cons == s.store.ring.rsp_prod);
  CHECK(!*s.client.next_event(milliseconds(5)));
}
