#include "tests/unit/discover/guest_disks.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

TEST_CASE("a device is probed as grub.cfg's search and probe want it") {
  TestGuest guest({partitioned({disk_with({})}), std::vector<std::byte>(1 << 20)});
  const auto info = guest.environment.probe({"hd0,msdos1"});
  REQUIRE(info);
  CHECK(info->fs == "ext2");
  CHECK(info->uuid == "12345678-9abc-def0-1234-56789abcdef0");
  CHECK(info->label == "a-label");
  CHECK(info->partmap == "msdos");
  const auto empty = guest.environment.probe({"xvdb"});
  REQUIRE(empty);
  CHECK(empty->fs.empty());
  CHECK(!guest.environment.probe({"xvdz"}));
}

TEST_CASE("devices are listed in the order of a search, with canonical names") {
  TestGuest guest({partitioned({disk_with({})}), disk_with({})});
  const auto devices = guest.environment.devices();
  REQUIRE(devices.size() == 3);
  CHECK(devices[1].text == "xvda1");
  CHECK(guest.environment.devices_on({"hd0"})->size() == 2);
  CHECK(guest.environment.resolve({"xen/xvda,msdos1"})->text == "xvda1");
}

TEST_CASE("files and directories are read through their device") {
  TestGuest guest({disk_with({{"/boot/grub/grubenv", "# GRUB Environment Block\n"}})});
  CHECK(guest.environment.read({{"xvda"}, "/boot/grub/grubenv"}, 1024).value().starts_with("# GRUB"));
  CHECK(guest.environment.read({{"xvda"}, "/boot/grub/grubenv"}, 5).error().code() == Code::too_large);
  CHECK(guest.environment.stat({{"xvda"}, "/boot"})->kind == config::FileKind::directory);
  CHECK(guest.environment.list({{"xvda"}, "/boot/grub"})->front().name == "grubenv");
  const auto missing = guest.environment.read({{"xvda"}, "/nothing"}, 10);
  CHECK(missing.error().code() == Code::not_found);
  CHECK(missing.error().text().find("nothing") != std::string::npos);
}

TEST_CASE("bytes are written where they lie, and only there") {
  const std::string before(1024, 'a');
  TestGuest guest({disk_with({{"/env", before}, {"/other", before}})}, true);
  CHECK(guest.environment.read({{"xvda"}, "/env"}, 2000).value() == before);
  REQUIRE(guest.environment.write_in_place({{"xvda"}, "/env"}, 1000, as_bytes("saved")));
  std::string after = before;
  after.replace(1000, 5, "saved");
  DiskSet again;
  again.add(guest.set.devices().front()->source(), "xvda");
  DiskEnvironment fresh(again, guest);
  CHECK(fresh.read({{"xvda"}, "/env"}, 2000).value() == after);
  // Who reads again does not see what was cached before.
  CHECK(guest.environment.read({{"xvda"}, "/env"}, 2000).value() == after);
  CHECK(guest.environment.read({{"xvda"}, "/other"}, 2000).value() == before);
  CHECK(guest.environment.write_in_place({{"xvda"}, "/env"}, 1020, as_bytes("too long")).error().code() ==
        Code::invalid);
  CHECK(guest.environment.read({{"xvda"}, "/env"}, 2000).value() == after);
}

TEST_CASE("a write may reach over many blocks") {
  std::string text(20'000, 'a');
  TestGuest guest({disk_with({{"/large", text}})}, true);
  const std::string bytes(9'001, 'b');
  REQUIRE(guest.environment.write_in_place({{"xvda"}, "/large"}, 3'003, as_bytes(bytes)));
  text.replace(3'003, bytes.size(), bytes);
  CHECK(guest.environment.read({{"xvda"}, "/large"}, text.size()).value() == text);
}

TEST_CASE("a read-only disk is not written to") {
  TestGuest guest({disk_with({{"/env", std::string(1024, 'a')}})});
  CHECK(guest.environment.write_in_place({{"xvda"}, "/env"}, 0, as_bytes("x")).error().code() == Code::denied);
}
