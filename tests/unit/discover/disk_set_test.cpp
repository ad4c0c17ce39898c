#include "tests/unit/discover/guest_disks.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

TEST_CASE("disks and partitions are found by every name they have") {
  TestGuest guest(
      {partitioned({disk_with({{"/one", "1"}}), disk_with({{"/two", "2"}})}), disk_with({{"/three", "3"}})});
  for (const char* name : {"xvda2", "hd0,2", "hd0,msdos2", "xen/xvda,msdos2", "xvda,2"}) {
    INFO(name);
    auto found = guest.set.find(name);
    REQUIRE(found);
    CHECK((*found)->name() == "xvda2");
  }
  CHECK((*guest.set.find("hd0,1", Counting::from_zero))->name() == "xvda2");
  CHECK((*guest.set.find("hd1"))->name() == "xvdb");
  CHECK((*guest.set.find("xvda"))->name() == "xvda");
}

TEST_CASE("a device that is not there is named in the error") {
  TestGuest guest({partitioned({disk_with({})})});
  CHECK(guest.set.find("xvdb").error().text() == "xvdb: the guest has no such disk");
  CHECK(guest.set.find("xvda7").error().text() == "xvda7: the disk has no such partition");
  CHECK(guest.set.find("hd0,gpt1").error().code() == Code::not_found);
  CHECK(guest.set.find("../etc").error().code() == Code::invalid);
}

TEST_CASE("a disk that is named like a partition is found by that name") {
  auto bytes = disk_with({{"/here", "yes"}});
  MemorySource source(bytes, "xvda1");
  DiskSet set;
  set.add(source, "xvda1");
  auto found = set.find("xvda1");
  REQUIRE(found);
  CHECK(set.open(**found, "/here"));
}

TEST_CASE("no more filesystems stay mounted than there is memory for, and held ones stay") {
  std::vector<std::vector<std::byte>> disks;
  for (int i = 0; i < 12; ++i)
    disks.push_back(disk_with({{"/number", std::to_string(i)}}));
  TestGuest guest(std::move(disks));
  auto held = guest.set.open(*guest.set.devices().front(), "/number");
  REQUIRE(held);
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 12; ++i) {
      auto open = guest.set.open(*guest.set.devices()[i], "/number");
      REQUIRE(open);
      CHECK(fs::read_text(*open->file, 100).value() == std::to_string(i));
    }
  CHECK(fs::read_text(*held->file, 100).value() == "0");
}

TEST_CASE("when all that may be mounted are held, one more is refused, and had when one is let go") {
  std::vector<std::vector<std::byte>> disks;
  for (std::size_t i = 0; i <= DiskSet::max_mounted; ++i)
    disks.push_back(disk_with({{"/x", "x"}}));
  TestGuest guest(std::move(disks));
  const auto open = [&](std::size_t i) { return guest.set.open(*guest.set.devices()[i], "/x"); };
  std::vector<OpenFile> held;
  for (std::size_t i = 0; i < DiskSet::max_mounted; ++i)
    held.push_back(*open(i));
  CHECK(open(DiskSet::max_mounted).error().code() == Code::too_large);
  CHECK(open(0));
  held.pop_back();
  CHECK(open(DiskSet::max_mounted));
}

TEST_CASE("a damaged filesystem is an error of its device alone") {
  auto bad = disk_with({{"/x", "x"}});
  std::fill(bad.begin() + 1024 + 60, bad.begin() + 1024 + 200, std::byte{0xff});
  TestGuest guest({std::move(bad), disk_with({{"/x", "good"}})});
  const auto broken = guest.set.open(*guest.set.devices()[0], "/x");
  REQUIRE(!broken);
  CHECK(broken.error().places().starts_with("xvda: ext"));
  CHECK(guest.set.open(*guest.set.devices()[1], "/x"));
  // The second look says the same, without reading again.
  CHECK(guest.set.mount(*guest.set.devices()[0]).error().text() ==
        guest.set.facts(*guest.set.devices()[0]).error().text());
}
