#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

namespace {

MenuItem item(std::string title, std::string id) {
  MenuItem made;
  made.title = std::move(title);
  made.id = std::move(id);
  return made;
}

MenuItem submenu(std::string title, std::string id, std::vector<MenuItem> items) {
  MenuItem made = item(std::move(title), std::move(id));
  made.submenu = true;
  made.items = std::move(items);
  return made;
}

Menu sample() {
  Menu menu;
  menu.items = {item("Debian", "deb"),
                submenu("Advanced > more", "adv", {item("6.1", "k61"), submenu("Deep", "deep", {item("x", "x")})}),
                item("2 old", "old"), submenu("Empty", "empty", {}), item("5", "five")};
  return menu;
}

} // namespace

TEST_CASE("an item is found by number, title, id and path") {
  struct Case {
    const char* words;
    std::optional<ItemPath> path;
    ItemPath fallen_back; ///< where something must be booted
  };
  const Case cases[] = {
      {"0", ItemPath{0}, {0}},
      {"Debian", ItemPath{0}, {0}},
      {"deb", ItemPath{0}, {0}},
      {"1", ItemPath{1, 0}, {1, 0}},
      {"1>0", ItemPath{1, 0}, {1, 0}},
      {"1>1>0", ItemPath{1, 1, 0}, {1, 1, 0}},
      {"adv>k61", ItemPath{1, 0}, {1, 0}},
      {"Advanced >> more>6.1", ItemPath{1, 0}, {1, 0}},
      {"adv>deep>x", ItemPath{1, 1, 0}, {1, 1, 0}},
      {"adv>nosuch", std::nullopt, {1, 0}},
      {"adv>1", ItemPath{1, 1, 0}, {1, 1, 0}},
      {"2", ItemPath{2}, {2}},
      {"2 old", ItemPath{2}, {2}},
      {"2 new", ItemPath{2}, {2}},
      {"0>7", ItemPath{0}, {0}},
      {"5", std::nullopt, {0}},
      {"five", ItemPath{4}, {4}},
      {"99", std::nullopt, {0}},
      {"nosuch", std::nullopt, {0}},
      {"", std::nullopt, {0}},
      {"-1", std::nullopt, {0}},
      {"empty", std::nullopt, {0}},
      {"18446744073709551616", std::nullopt, {0}},
  };
  const Menu menu = sample();
  for (const Case& one : cases) {
    INFO(one.words);
    CHECK(menu.find(one.words) == one.path);
    CHECK(menu.default_for(one.words) == one.fallen_back);
  }
  CHECK(Menu{}.default_for("0").empty());
  Menu hollow;
  hollow.items = {submenu("Empty", "empty", {}), submenu("Outer", "outer", {submenu("Inner", "inner", {})})};
  CHECK(hollow.default_for("0").empty());
  hollow.items[1].items.push_back(item("x", "x"));
  CHECK(hollow.default_for("0") == ItemPath{1, 1});
  CHECK(menu.at({1, 1, 0})->title == "x");
  CHECK(menu.at({7}) == nullptr);
  CHECK(menu.at({0, 0}) == nullptr);
  CHECK(menu.at({}) == nullptr);
}

TEST_CASE("default, fallback, timeout and style are taken from the variables") {
  struct Case {
    const char* text;
    ItemPath default_item;
    std::vector<ItemPath> fallbacks;
    std::optional<std::uint32_t> timeout;
    TimeoutStyle style;
  };
  const Case cases[] = {
      {"", {0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set default=1\nset timeout=5", {1}, {}, 5, TimeoutStyle::menu},
      {"set default=\"${saved_entry}\"", {0}, {}, std::nullopt, TimeoutStyle::menu},
      {"saved_entry='s>c'\nset default=\"${saved_entry}\"", {2, 0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set default=2", {2, 0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set default='2>1'", {2, 1}, {}, std::nullopt, TimeoutStyle::menu},
      {"set timeout=0\nset timeout_style=hidden", {0}, {}, 0, TimeoutStyle::hidden},
      {"set timeout=10\nset timeout_style=countdown", {0}, {}, 10, TimeoutStyle::countdown},
      {"set timeout=-1\nset timeout_style=other", {0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set timeout=never", {0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set timeout=99999999999", {0}, {}, std::nullopt, TimeoutStyle::menu},
      {"set fallback=1", {0}, {{1}}, std::nullopt, TimeoutStyle::menu},
      {"set fallback=\"1 2>1 9 0\"", {0}, {{1}, {2, 1}, {0}}, std::nullopt, TimeoutStyle::menu},
      {"set fallback='entry b'", {0}, {{1}}, std::nullopt, TimeoutStyle::menu},
      {"set fallback='b s>d'", {0}, {{1}, {2, 1}}, std::nullopt, TimeoutStyle::menu},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    auto environment = debian_disk();
    const auto read = read_grub(environment, std::string(one.text) + R"(
menuentry 'entry a' --id a { true; }
menuentry 'entry b' --id b { true; }
submenu 'sub' --id s { menuentry 'entry c' --id c { true; }
menuentry 'entry d' --id d { true; } }
)");
    const Menu& menu = read->menu();
    CHECK(menu.default_item == one.default_item);
    CHECK(menu.fallbacks == one.fallbacks);
    CHECK(menu.timeout == one.timeout);
    CHECK(menu.timeout_style == one.style);
  }
}

TEST_CASE("an item's options are kept") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, R"(set superusers="root, admin"
menuentry "A title" --class debian --class=os --users "alice,bob carol" --hotkey=a --id ident extra { true; }
menuentry B --unrestricted { true; }
menuentry --class x -- --dashed { true; }
menuentry C --unknown { true; }
menuentry { true; }
menuentry D
menuentry E --source "true" 
)");
  const Menu& menu = read->menu();
  REQUIRE(menu.items.size() == 4);
  CHECK(menu.superusers == std::vector<std::string>{"root", "admin"});
  const MenuItem& first = menu.items[0];
  CHECK(first.title == "A title");
  CHECK(first.id == "ident");
  CHECK(first.classes == std::vector<std::string>{"debian", "os"});
  CHECK(first.users == std::vector<std::string>{"alice", "bob", "carol"});
  CHECK(first.hotkey == "a");
  CHECK(!first.unrestricted);
  CHECK(first.origin.text() == "(xvda1)/boot/grub/grub.cfg:2");
  CHECK(menu.items[1].unrestricted);
  CHECK(menu.items[1].id == "B");
  CHECK(menu.items[2].title == "--dashed");
  CHECK(menu.items[3].title == "C");
  REQUIRE(menu.warnings.size() == 3);
  CHECK(menu.warnings[0] == "(xvda1)/boot/grub/grub.cfg:6: menuentry: a title is expected");
  CHECK(menu.warnings[1] == "(xvda1)/boot/grub/grub.cfg:7: menuentry: a block is expected");
}

TEST_CASE("an id is exported through a variable as update-grub does") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, R"(
if [ x"${feature_menuentry_id}" = xy ]; then menuentry_id_option="--id"; else menuentry_id_option=""; fi
export menuentry_id_option
submenu 'S' $menuentry_id_option 'sub' { menuentry 'T' $menuentry_id_option 'inner' { true; } }
)");
  CHECK(read->menu().items.at(0).id == "sub");
  CHECK(read->menu().items.at(0).items.at(0).id == "inner");
}

TEST_CASE("a configuration without entries says so") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "set timeout=5\n");
  CHECK(read->menu().items.empty());
  CHECK(read->menu().default_item.empty());
  CHECK(read->menu().warnings == std::vector<std::string>{"(xvda1)/boot/grub/grub.cfg: there is no menu entry in it"});
}

TEST_CASE("a format is known by the file's name") {
  CHECK(format_of("/boot/grub/grub.cfg") == Format::grub);
  CHECK(!format_of("/boot/vmlinuz"));
}
