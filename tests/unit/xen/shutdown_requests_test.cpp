#include "fake_store.hpp"
#include "xen/shutdown_requests.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

const std::string key = "control/shutdown";

struct Scene {
  Scene() {
    for (const char* made : {"control/shutdown", "control/feature-poweroff", "control/feature-reboot"})
      store.values[made] = "";
  }
  FakeXen xen;
  FakeStore store{xen};
  XenStore client{store.ring, FakeStore::port, xen.events, xen.clock};
  ShutdownRequests requests{client};
};

} // namespace

TEST_CASE("what can be asked for is said, and taken back with the watch") {
  Scene s;
  s.store.values["control/feature-reboot"] = "0";
  REQUIRE(s.requests.open());
  CHECK(s.store.get("control/feature-poweroff") == "1");
  CHECK(s.store.get("control/feature-reboot") == "1");
  CHECK(!s.store.has("control/feature-suspend"));
  CHECK(s.store.watches.size() == 1);
  s.requests.close();
  CHECK(s.store.get("control/feature-poweroff").empty());
  CHECK(s.store.get("control/feature-reboot") == "0");
  CHECK(s.store.watches.empty());
}

TEST_CASE("features stay as they are where the host has not made their keys, has set them, or keeps them") {
  Scene s;
  s.store.values.erase("control/feature-poweroff");
  s.store.values["control/feature-reboot"] = "1";
  REQUIRE(s.requests.open());
  s.requests.close();
  CHECK(!s.store.has("control/feature-poweroff"));
  CHECK(s.store.get("control/feature-reboot") == "1");

  s.store.values["control/feature-reboot"] = "theirs";
  s.store.read_only.insert("control/feature-reboot");
  REQUIRE(s.requests.open());
  s.requests.close();
  CHECK(s.store.get("control/feature-reboot") == "theirs");
}

TEST_CASE("a change is seen once; other events are none") {
  Scene s;
  REQUIRE(s.client.watch("backend/state", "somebody-else"));
  REQUIRE(s.requests.open());
  s.store.run();
  (void)s.requests.changed(); // a watch fires when it is set
  CHECK(!*s.requests.changed());
  s.store.set("backend/state", "4");
  s.store.run();
  CHECK(!*s.requests.changed());
  s.store.set(key, "poweroff");
  s.store.set(key, "reboot");
  s.store.run();
  CHECK(*s.requests.changed());
  CHECK(!*s.requests.changed());
}

TEST_CASE("the word is what the host wrote, byte by byte") {
  Scene s;
  CHECK(s.requests.word()->empty());
  s.store.values.erase(key);
  CHECK(s.requests.word()->empty());
  for (const std::string& word : {std::string("poweroff"), std::string("\x00\xff\n", 3), std::string(4096, 'x')}) {
    s.store.set(key, word);
    CHECK(*s.requests.word() == word);
  }
}

TEST_CASE("acknowledging empties the key, however often somebody else writes in between") {
  Scene s;
  const unsigned conflicts = GENERATE(0u, 3u);
  s.store.set(key, "reboot");
  s.store.conflicts = conflicts;
  CHECK(*s.requests.acknowledge("reboot"));
  CHECK(s.store.has(key));
  CHECK(s.store.get(key).empty());
}

TEST_CASE("a request that was withdrawn or replaced is not acknowledged") {
  Scene s;
  for (const std::string now : {"", "suspend"}) {
    s.store.set(key, now);
    CHECK(!*s.requests.acknowledge("poweroff"));
    CHECK(s.store.get(key) == now);
  }
  s.store.values.erase(key);
  CHECK(!*s.requests.acknowledge("poweroff"));
  CHECK(!s.store.has(key));
}

TEST_CASE("acknowledging fails where the key is not ours to write, or never keeps still") {
  Scene s;
  s.store.set(key, "poweroff");
  s.store.conflicts = 1000;
  CHECK(s.requests.acknowledge("poweroff").error().code() == Code::timed_out);
  s.store.conflicts = 0;
  s.store.read_only.insert(key);
  CHECK(s.requests.acknowledge("poweroff").error().code() == Code::denied);
  CHECK(s.store.get(key) == "poweroff");
}

TEST_CASE("a store that was given up has no port to wait on") {
  Scene s;
  CHECK(s.requests.port() == FakeStore::port);
  s.store.ring.rsp_prod = s.store.ring.rsp_cons + 1025;
  CHECK(s.requests.changed().error().code() == Code::gone);
  CHECK(!s.requests.port());
}
