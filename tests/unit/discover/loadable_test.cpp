#include "loader/discover/loadable.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::loader;
using config::EntryKind;

TEST_CASE("only an entry that names a file can be loaded; others are refused with what they are") {
  struct Case {
    EntryKind kind;
    const char* path;
    bool modules, initrds;
    const char* refusal; ///< empty: none
  };
  const Case cases[] = {
      {EntryKind::linux, "/boot/vmlinuz", false, true, ""},
      {EntryKind::kernel, "/boot/xen/pvboot-x86_64.elf", false, false, ""},
      {EntryKind::multiboot, "/boot/kernel", false, false, ""},
      {EntryKind::chainloader, "/boot/loader.elf", false, false, ""},
      {EntryKind::multiboot, "/boot/kernel", true, false, ""},
      {EntryKind::linux, "/boot/vmlinuz", true, false, ""},
      {EntryKind::multiboot, "/boot/kernel", true, true, "both initrds and multiboot modules"},
      {EntryKind::chainloader, "+1", false, false, "boot sector"},
      {EntryKind::configuration, "/boot/other.cfg", false, false, "another configuration"},
      {EntryKind::reboot, "", false, false, "restarts"},
      {EntryKind::poweroff, "", false, false, "stops"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path, c.refusal);
    config::Entry entry;
    entry.kind = c.kind;
    entry.kernel = {{"xvda1"}, c.path};
    if (c.modules)
      entry.modules.push_back({{{"xvda1"}, "/boot/module"}, {}});
    if (c.initrds)
      entry.initrds.push_back({{{"xvda1"}, "/boot/initrd"}, {}});
    const auto result = check_loadable(entry);
    CHECK(result.has_value() == std::string(c.refusal).empty());
    if (!result) {
      CHECK(result.error().code() == Code::unsupported);
      CHECK(result.error().text().find(c.refusal) != std::string::npos);
    }
  }
}
