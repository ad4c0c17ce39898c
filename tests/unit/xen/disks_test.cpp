#include "disk_scene.hpp"
#include "xen/block/vdev.hpp"

using namespace pvboot;
using namespace pvboot::xen;

TEST_CASE("virtual device numbers have names") {
  struct Case {
    std::uint64_t vdev;
    const char* name;
  };
  const Case cases[] = {{51712, "xvda"},
                        {51713, "xvda1"},
                        {51728, "xvdb"},
                        {51952, "xvdp"},
                        {(1u << 28) | 16 << 8, "xvdq"},
                        {(1u << 28) | 26 << 8, "xvdaa"},
                        {(1u << 28) | 16 << 8 | 3, "xvdq3"},
                        {768, "hda"},
                        {832, "hdb"},
                        {5632, "hdc"},
                        {769, "hda1"},
                        {2048, "sda"},
                        {2064, "sdb"},
                        {2065, "sdb1"},
                        {65 << 8, "sdq"},
                        {12345, "vbd-12345"},
                        {1ull << 40, "vbd-1099511627776"}};
  for (const Case& c : cases)
    CHECK(vdev_name(c.vdev) == c.name);
}

TEST_CASE("no disks is no error") {
  DiskScene s;
  REQUIRE(s.disks.connect());
  CHECK(s.disks.connected().empty());
}

TEST_CASE("disks come in the order of their numbers, under their names") {
  DiskScene s;
  s.add((1u << 28) | 16 << 8);
  s.add(xvdb);
  s.add(xvda);
  REQUIRE(s.disks.connect());
  REQUIRE(s.disks.connected().size() == 3);
  CHECK(s.disks.connected()[0]->name() == "xvda");
  CHECK(s.disks.connected()[1]->name() == "xvdb");
  CHECK(s.disks.connected()[2]->name() == "xvdq");
  CHECK(s.disks.find("xvdb") == s.disks.connected()[1].get());
  CHECK(s.disks.find("xvdz") == nullptr);
}

TEST_CASE("sixteen disks connect side by side: no disk waits for another") {
  DiskScene s;
  for (unsigned i = 0; i < 16; ++i)
    s.add(51712 + 16 * i);
  const Instant start = s.xen.clock.now();
  REQUIRE(s.disks.connect());
  CHECK(s.disks.connected().size() == 16);
  CHECK(s.xen.clock.now() - start < seconds(1));
  CHECK(s.store.watches.empty());
}

TEST_CASE("a disk whose backend never connects fails alone, in time, and is left as it was found") {
  DiskScene s;
  s.add(xvda);
  FakeDisk& dead = s.add(xvdb);
  dead.asleep = true;
  const Instant start = s.xen.clock.now();
  REQUIRE(s.disks.connect(seconds(5)));
  CHECK(s.xen.clock.now() - start < seconds(15));
  CHECK(s.disks.connected().size() == 1);
  REQUIRE(s.disks.failures().size() == 1);
  CHECK(s.disks.failures()[0].node.name == "xvdb");
  CHECK(s.disks.failures()[0].why.code() == Code::timed_out);
  CHECK(dead.frontend_state() == 1);
}

TEST_CASE("a backend that never takes the ring up is not waited for twice, and finds nothing changed") {
  DiskScene s;
  FakeDisk& deaf = s.add(xvda);
  s.store.values[deaf.backend() + "/state"] = "2";
  deaf.asleep = true;
  const auto before = s.store.values;
  const Instant start = s.xen.clock.now();
  REQUIRE(s.disks.connect(seconds(20)));
  CHECK(s.xen.clock.now() - start < seconds(27));
  REQUIRE(s.disks.failures().size() == 1);
  CHECK(s.disks.failures()[0].why.text() == "xvda: the backend does not answer");
  CHECK((s.store.values == before));
  CHECK(s.xen.grants_in_use() == 0);
  CHECK(s.xen.ports_open() == 0);
  deaf.asleep = false;
  s.connect_one();
}

TEST_CASE("a backend that was just taking the ring up when it was withdrawn is closed") {
  DiskScene s;
  FakeDisk& slow = s.add(xvda);
  s.store.values[slow.backend() + "/state"] = "2";
  slow.asleep = true;
  struct Late final : Peer {
    Late(DiskScene& scene_, FakeDisk& slow_) : scene(scene_), slow(slow_), when(scene_.xen.now_ns + 21'000'000'000) {}
    void run() override {
      if (!slow.asleep || scene.xen.now_ns < when)
        return;
      slow.asleep = false;
      scene.store.set(slow.backend() + "/state", "4");
    }
    DiskScene& scene;
    FakeDisk& slow;
    std::uint64_t when;
  } late(s, slow);
  s.xen.peers.push_back(&late);
  REQUIRE(s.disks.connect(seconds(20)));
  CHECK(s.disks.failures().size() == 1);
  CHECK(slow.state() == 2);
  CHECK(slow.frontend_state() == 1);
  CHECK(!s.store.has(slow.frontend() + "/ring-ref"));
  CHECK(s.xen.grants_in_use() == 0);
  s.xen.peers.pop_back();
}

TEST_CASE("a backend that slept through the close is closed first when it is awake") {
  OneDisk s;
  s.backend.asleep = true;
  s.disks.close(seconds(4));
  REQUIRE(s.disks.failures().size() == 1);
  s.backend.asleep = false;
  CHECK(s.connect_one().connected());
  CHECK(s.backend.frontend_state() == 4);
}

TEST_CASE("a disk for whose ring there are too few grants leaves none behind") {
  DiskScene s;
  s.add(xvda, {.max_ring_order = 2});
  s.leave_grants(2);
  const std::size_t before = s.xen.grants_in_use();
  REQUIRE(s.disks.connect());
  REQUIRE(s.disks.failures().size() == 1);
  CHECK(s.disks.failures()[0].why.text() == "xvda: the grant table is full");
  CHECK(s.xen.grants_in_use() == before);
}

TEST_CASE("a backend that floods the store with events does not keep another disk from connecting") {
  DiskScene s;
  FakeDisk& loud = s.add(xvda);
  loud.asleep = true;
  FakeDisk& late = s.add(xvdb);
  s.store.values[late.backend() + "/state"] = "2";
  late.asleep = true;
  // The other comes after half a second, and its events are lost.
  struct Flood final : Peer {
    Flood(DiskScene& scene_, const FakeDisk& loud_, FakeDisk& late_) : scene(scene_), loud(loud_), late(late_) {}
    void run() override {
      std::erase_if(scene.store.watches, [&](const auto& w) { return w.first == late.backend() + "/state"; });
      scene.store.set(loud.backend() + "/state", "1");
      scene.xen.now_ns += 1'000'000;
      late.asleep = late.asleep && ++runs < 500;
    }
    DiskScene& scene;
    const FakeDisk& loud;
    FakeDisk& late;
    int runs = 0;
  } flood(s, loud, late);
  s.xen.peers.push_back(&flood);
  REQUIRE(s.disks.connect(seconds(5)));
  CHECK(s.disks.find("xvdb") != nullptr);
  CHECK(s.disks.find("xvda") == nullptr);
  s.xen.peers.pop_back();
}

TEST_CASE("a disk that the store describes wrongly is said, and hurts no other") {
  DiskScene s;
  s.add(xvda);
  s.store.values["device/vbd/5/state"] = "1";
  s.add(xvdb);
  s.store.values["device/vbd/51728/backend-id"] = "70000";
  REQUIRE(s.disks.connect());
  CHECK(s.disks.connected().size() == 1);
  REQUIRE(s.disks.failures().size() == 2);
  CHECK(s.disks.failures()[0].why.text() == "vbd 5: device/vbd/5/backend: no such key in xenstore");
  CHECK(s.disks.failures()[1].why.text() == "vbd 51728: its backend-id is no domain");
}

TEST_CASE("a backend that says nonsense about its disk is refused") {
  const std::pair<const char*, const char*> lies[] = {
      {"sector-size", "3"}, {"sector-size", "65536"}, {"sector-size", "big"},
      {"sectors", "-1"},    {"sectors", ""},          {"feature-max-indirect-segments", "lots"}};
  for (const auto& [key, value] : lies) {
    DiskScene s;
    FakeDisk& disk = s.add(xvda);
    struct Liar final : Peer {
      Liar(FakeStore& store_, std::string path_, std::string value_) : store(store_), path(path_), value(value_) {}
      void run() override { store.values[path] = value; }
      FakeStore& store;
      std::string path, value;
    } liar(s.store, disk.backend() + "/" + key, value);
    s.xen.peers.push_back(&liar);
    INFO(key << " = " << value);
    REQUIRE(s.disks.connect(seconds(3)));
    CHECK(s.disks.connected().empty());
    REQUIRE(s.disks.failures().size() == 1);
    CHECK(s.disks.failures()[0].why.code() != Code::timed_out);
    CHECK(s.xen.grants_in_use() == 0);
    s.xen.peers.pop_back();
  }
}

TEST_CASE("after the close a new frontend finds everything as at the start") {
  DiskScene s;
  FakeDisk& disk = s.add(xvda, {.max_ring_order = 2});
  const auto before = s.store.values;
  s.connect_one();
  s.disks.close();
  CHECK(s.disks.failures().empty());
  CHECK(disk.state() == 2);
  CHECK(disk.frontend_state() == 1);
  const auto own = [&](std::map<std::string, std::string> values) {
    std::erase_if(values, [&](const auto& item) { return !item.first.starts_with(disk.frontend() + "/"); });
    return values;
  };
  CHECK((own(s.store.values) == own(before)));
  CHECK(s.xen.grants_in_use() == 0);
  CHECK(s.xen.ports_open() == 0);
  // And again, as the guest's own would.
  s.connect_one();
  s.disks.close();
  CHECK(disk.state() == 2);
}

TEST_CASE("a frontend that an earlier loader left is reset first; no port is closed on a key's word") {
  const char* stale = GENERATE("3", "4", "5", "6");
  DiskScene s;
  FakeDisk& disk = s.add(xvda);
  s.store.values[disk.frontend() + "/state"] = stale;
  s.store.values[disk.frontend() + "/ring-ref"] = "700";
  s.store.values[disk.frontend() + "/queue-0/ring-ref"] = "701";
  s.store.values[disk.frontend() + "/event-channel"] = "2"; // the console's
  s.store.values[disk.backend() + "/state"] = stale[0] == '6' ? "6" : "4";
  disk.frozen = true;
  BlkFront& front = s.connect_one();
  CHECK(front.connected());
  CHECK(disk.state() == 4);
  CHECK(!s.store.has(disk.frontend() + "/queue-0/ring-ref"));
  CHECK(s.xen.open_ports[2]);
}

TEST_CASE("keys that an earlier frontend left beside a state of 1 do not reach the backend") {
  DiskScene s;
  FakeDisk& disk = s.add(xvda); // which offers no larger rings: ours is one page
  s.store.values[disk.frontend() + "/ring-page-order"] = "2";
  s.store.values[disk.frontend() + "/ring-ref0"] = "700";
  s.connect_one();
  CHECK(!s.store.has(disk.frontend() + "/ring-page-order"));
  CHECK(!s.store.has(disk.frontend() + "/ring-ref0"));
  CHECK(s.store.has(disk.frontend() + "/ring-ref"));
}

TEST_CASE("a backend that does not close in time is left, and the guest may try it") {
  DiskScene s;
  FakeDisk& disk = s.add(xvda);
  s.connect_one();
  disk.asleep = true;
  const Instant start = s.xen.clock.now();
  s.disks.close(seconds(4));
  CHECK(s.xen.clock.now() - start < seconds(10));
  REQUIRE(s.disks.failures().size() == 1);
  CHECK(disk.frontend_state() == 1);
  CHECK(!s.store.has(disk.frontend() + "/ring-ref"));
  // The ring's page is still the backend's: its grant stays.
  CHECK(s.xen.grants_in_use() == 1);
}

TEST_CASE("a transaction that others spoil is repeated") {
  DiskScene s;
  s.add(xvda);
  s.store.conflicts = 3;
  s.connect_one();
}

TEST_CASE("a store that falls silent after naming many disks costs the limit of one request") {
  DiskScene s;
  for (unsigned i = 0; i < 100; ++i)
    s.store.values["device/vbd/" + std::to_string(i) + "/state"] = "1";
  s.store.tamper = [&](FakeStore::Message& m) { s.store.deaf = s.store.deaf || m.header.type == XS_DIRECTORY; };
  const Instant start = s.xen.clock.now();
  CHECK(s.disks.connect().error().code() == Code::timed_out);
  CHECK(s.xen.clock.now() - start < seconds(15));
}

TEST_CASE("a store that dies while disks connect is an error, not a hang") {
  DiskScene s;
  s.add(xvda);
  s.store.silent = true;
  const auto result = s.disks.connect(seconds(5));
  REQUIRE(!result);
}
