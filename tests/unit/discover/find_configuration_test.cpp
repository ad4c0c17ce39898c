#include "loader/discover/find_item.hpp"
#include "loader/discover/stage2.hpp"
#include "tests/unit/discover/guest_disks.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

std::string cfg(const std::string& title) { return "menuentry '" + title + "' { linux /vmlinuz\n}\n"; }

struct Found {
  Result<FoundConfiguration> result;
  std::vector<std::string> notes{};
  std::string title() const { return result ? result->configuration->menu().items.front().title : ""; }
};

Found look(TestGuest& guest, const char* extra = "", std::string_view sent_along = {}) {
  std::vector<std::string> notes;
  auto result = find_configuration(guest.set, guest.environment, config::parse_options(extra), sent_along,
                                   config::WritePolicy::off, notes);
  return {std::move(result), std::move(notes)};
}

} // namespace

TEST_CASE("the first disk with a configuration counts, wherever its distribution keeps it") {
  for (const char* path : {"/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg", "/grub2/grub.cfg"}) {
    TestGuest guest({disk_with({{"/data", ""}}), partitioned({disk_with({{path, cfg("here")}})}),
                     disk_with({{"/boot/grub/grub.cfg", cfg("later")}})});
    const auto found = look(guest);
    INFO(path);
    REQUIRE(found.result);
    CHECK(found.title() == "here");
    CHECK(found.result->file.text() == std::string("(xvdb1)") + path);
  }
}

TEST_CASE("the administrator's configuration comes first, then the one sent along, then the disks'") {
  TestGuest guest({disk_with({{"/boot/grub/grub.cfg", cfg("usual")}, {"/other.cfg", cfg("named")}})});
  CHECK(look(guest).title() == "usual");
  CHECK(look(guest, "pvboot.config=/other.cfg", cfg("sent")).title() == "named");
  CHECK(look(guest, "pvboot.config=(hd0)/other.cfg").title() == "named");
  CHECK(look(guest, "", cfg("sent")).title() == "sent");
}

TEST_CASE("what is not usable leaves a note and the search goes on") {
  TestGuest guest({disk_with({{"/boot/grub/grub.cfg", "# nothing\n"}}), disk_with({{"/grub/grub.cfg", cfg("good")}})});
  const auto found = look(guest, "pvboot.config=/missing.cfg");
  CHECK(found.title() == "good");
  REQUIRE(found.notes.size() == 2);
  CHECK(found.notes[0].find("/missing.cfg") != std::string::npos);
  CHECK(found.notes[1].find("(xvda)/boot/grub/grub.cfg") != std::string::npos);
}

TEST_CASE("a configuration whose mistakes left no entry is passed over with its mistakes") {
  TestGuest guest({disk_with({{"/boot/grub/grub.cfg", "no_such_command\n"}})});
  const auto found = look(guest);
  CHECK(!found.result);
  const auto about = [&](const char* words) {
    return std::ranges::count_if(found.notes, [&](const std::string& note) { return note.find(words) != note.npos; });
  };
  CHECK(about("has no boot entry") == 1);
  CHECK(about("no_such_command") == 1);
  CHECK(!look(guest, "", "also_no_command\n").result);
}

TEST_CASE("submenus without an entry are nothing to boot") {
  TestGuest guest({disk_with({{"/boot/grub/grub.cfg", "submenu 'nothing' { true\n}\n"}}),
                   disk_with({{"/boot/grub/grub.cfg", cfg("here")}})});
  CHECK(look(guest).title() == "here");
}

TEST_CASE("a filesystem that cannot be read is noted once, however often it is looked at") {
  auto bad = disk_with({{"/x", "x"}});
  std::fill(bad.begin() + 1024 + 60, bad.begin() + 1024 + 200, std::byte{0xff});
  TestGuest guest({std::move(bad)});
  const auto found = look(guest, "pvboot.config=/x.cfg");
  CHECK(!found.result);
  CHECK(std::ranges::count_if(found.notes, [](const std::string& note) { return note.starts_with("xvda: ext"); }) == 1);
}

TEST_CASE("each save_env builds on the one before it") {
  std::string block = "# GRUB Environment Block\n";
  block.resize(1024, '#');
  const std::string text = "set a=1\nsave_env a\nset b=2\nsave_env b\n";
  TestGuest guest({disk_with({{"/boot/grub/grubenv", block}, {"/boot/grub/grub.cfg", text + cfg("x")}})}, true);
  std::vector<std::string> notes;
  REQUIRE(find_configuration(guest.set, guest.environment, {}, {}, config::WritePolicy::on, notes));
  const std::string saved = guest.environment.read({{"xvda"}, "/boot/grub/grubenv"}, 2000).value();
  CHECK(saved.find("a=1\n") != std::string::npos);
  CHECK(saved.find("b=2\n") != std::string::npos);
}

TEST_CASE("nothing to boot is an error with a note for what was looked at") {
  TestGuest none({});
  CHECK(look(none).result.error().code() == Code::not_found);
  CHECK(look(none).notes.size() == 1);
  TestGuest empty({std::vector<std::byte>(1 << 20)});
  const auto found = look(empty);
  CHECK(found.result.error().code() == Code::not_found);
  CHECK(found.notes == std::vector<std::string>{"xvda: neither a partition table nor a filesystem that is known"});
}

TEST_CASE("an item is found by number, title and id, in submenus too") {
  TestGuest guest({disk_with({{"/grub/grub.cfg", cfg("top") + "submenu 'more' --id m {\nmenuentry 'deep one' --id deep "
                                                              "{ linux /k\n}\n}\n"}})});
  const auto found = look(guest);
  REQUIRE(found.result);
  const config::Menu& menu = found.result->configuration->menu();
  const config::ItemPath deep{1, 0};
  for (const char* words : {"1>0", "m>deep", "deep", "deep one", "more>deep one"}) {
    INFO(words);
    CHECK(find_item(menu, words) == deep);
  }
  CHECK(item_number(deep) == "1>0");
  CHECK(find_item(menu, "0") == config::ItemPath{0});
  CHECK(!find_item(menu, "no such"));
}

TEST_CASE("a name that begins with a digit is no number") {
  TestGuest guest({disk_with({{"/grub/grub.cfg", cfg("top") + "submenu 'more' {\nmenuentry 'first' { linux /k\n}\n"
                                                              "menuentry '1.0 test' --id 0old { linux /k\n}\n}\n"}})});
  const auto found = look(guest);
  REQUIRE(found.result);
  const config::Menu& menu = found.result->configuration->menu();
  const config::ItemPath deep{1, 1};
  CHECK(find_item(menu, "1.0 test") == deep);
  CHECK(find_item(menu, "0old") == deep);
  CHECK(!find_item(menu, "0bogus"));
  CHECK(!find_item(menu, "more>0bogus"));
}

TEST_CASE("the guest's own loader is offered with all of the administrator's words and an end to the chain") {
  TestGuest guest({disk_with({{"/x", ""}}), partitioned({disk_with({{"/xen/pvboot-x86_64.elf", "elf"}})})});
  const auto entries = stage2_entries(guest.set, "pvboot.timeout=1 quiet");
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].kernel.text() == "(xvdb1)/xen/pvboot-x86_64.elf");
  CHECK(entries[0].command_line == "pvboot.timeout=1 quiet pvboot.stage2=no");
  CHECK(stage2_entries(guest.set, "a \"b")[0].command_line == "a \"b\" pvboot.stage2=no");
}
