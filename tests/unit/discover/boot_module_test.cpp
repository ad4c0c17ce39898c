#include "loader/discover/boot_module.hpp"

#include "tests/unit/discover/bundles.hpp"

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

image::XenNotes kernel_of(const char* guest_os) {
  image::XenNotes notes;
  notes.guest_os = guest_os;
  return notes;
}

config::Entry entry_with(const std::vector<std::string>& initrds, const std::vector<config::Module>& modules = {}) {
  config::Entry entry;
  for (const std::string& path : initrds)
    entry.initrds.push_back({{{"xvda"}, path}, {}});
  entry.modules = modules;
  return entry;
}

config::Module module_of(const char* path, const char* words = "") { return {{{"xvda"}, path}, words}; }

} // namespace

TEST_CASE("initrds go to any kernel as they are") {
  TestGuest guest({disk_with({{"/a", "aaaa"}})});
  for (const char* os : {"linux", "pvboot", "mini-os", ""}) {
    auto module = BootModule::open(guest.set, entry_with({"/a"}));
    REQUIRE(module);
    REQUIRE(module->arrange_for(kernel_of(os)));
    CHECK(!module->multiboot());
    CHECK(module->size() == 4);
    CHECK(contents(module->bundle()) == "aaaa");
  }
}

TEST_CASE("an entry that loads only its kernel has no module") {
  TestGuest guest({disk_with({{"/a", "a"}})});
  auto module = BootModule::open(guest.set, entry_with({}));
  REQUIRE(module);
  REQUIRE(module->arrange_for(kernel_of("linux")));
  CHECK(!module->size());
  CHECK(!module->multiboot());
}

TEST_CASE("Linux gets modules as initrds, without their words, and a warning where there are any") {
  TestGuest guest({disk_with({{"/a", "aaaa"}, {"/b", "bbb"}})});
  auto module = BootModule::open(guest.set, entry_with({}, {module_of("/a"), module_of("/b", "some\x1bwords")}));
  REQUIRE(module);
  REQUIRE(module->arrange_for(kernel_of("linux-2.6")));
  CHECK(!module->multiboot());
  CHECK(contents(module->bundle()) == "aaaa" + std::string(4092, '\0') + "bbb");
  REQUIRE(module->warnings().size() == 1);
  CHECK(module->warnings()[0].find("(xvda)/b") == 0);
  CHECK(module->warnings()[0].find("some\\x1bwords") != std::string::npos);
}

TEST_CASE("another kernel gets modules as a package, a single one too") {
  TestGuest guest({disk_with({{"/a", "aaaa"}})});
  for (const char* os : {"pvboot", "GNU-Mach", ""}) {
    auto module = BootModule::open(guest.set, entry_with({}, {module_of("/a", "words")}));
    REQUIRE(module);
    REQUIRE(module->arrange_for(kernel_of(os)));
    CHECK(module->multiboot());
    CHECK(module->warnings().empty());
    CHECK(module->size() == 4096 + 4);
    CHECK(contents(module->bundle()).ends_with("aaaa"));
  }
}

TEST_CASE("a file that is missing is an error that names it, before the kernel is looked at") {
  TestGuest guest({disk_with({{"/a", "a"}})});
  CHECK(BootModule::open(guest.set, entry_with({"/a", "/missing"})).error().places().starts_with("(xvda)/missing"));
  CHECK(BootModule::open(guest.set, entry_with({}, {module_of("/missing")})).error().code() == Code::not_found);
  auto elsewhere = entry_with({"/a"});
  elsewhere.initrds.front().file.device.text = "xvdz";
  CHECK(BootModule::open(guest.set, elsewhere).error().code() == Code::not_found);
}
