// An entry's body is a program: what it sees, and that running it leaves nothing behind.
#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

namespace {

const std::string kernel = "linux /boot/vmlinuz-6.1.0-32-amd64 ";

std::string command_line(Configuration& configuration, const ItemPath& path) {
  const auto entry = configuration.resolve(path);
  return entry ? entry->command_line : entry.error().text();
}

} // namespace

TEST_CASE("a body sees the variables as they are when the menu is complete") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "a=before\nmenuentry x { " + kernel + "$a; }\na=after\n");
  CHECK(command_line(*read, {0}) == "after");
}

TEST_CASE("bodies call functions, and their changes end with them") {
  auto environment = debian_disk();
  const auto read =
      read_grub(environment, "function f { set n=${n}x; " + kernel +
                                 "$n $1; }\n"
                                 "menuentry a { f one; function=x; root=nosuch; }\nmenuentry b { f two; }\n");
  for (int again = 0; again < 3; ++again) {
    CHECK(command_line(*read, {0}) == "x one");
    CHECK(command_line(*read, {1}) == "x two");
  }
}

TEST_CASE("a body's parameters are the title and what came behind it") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "for v in 1 2; do menuentry \"Linux $v\" $v \"a b\" { " + kernel +
                                               "$# \"$1\" $2 \"$3\"; }; done\n");
  REQUIRE(read->menu().items.size() == 2);
  CHECK(command_line(*read, {0}) == "3 \"Linux 1\" 1 \"a b\"");
  CHECK(command_line(*read, {1}) == "3 \"Linux 2\" 2 \"a b\"");
}

TEST_CASE("a submenu is a context of its own") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, R"(
local=seen
given=exported
export given
submenu S {
  inner=set
  menuentry "in [$local] [$given] [$inner]" --id in { )" +
                                               kernel + R"([$local] [$given] [$inner]; }
  submenu T { menuentry "deep [$inner] [$given]" { )" +
                                               kernel + R"([$inner] $chosen; } }
}
menuentry after { )" + kernel + R"([$inner]; }
)");
  const Menu& menu = read->menu();
  REQUIRE(menu.items.size() == 2);
  REQUIRE(menu.items[0].items.size() == 2);
  CHECK(menu.items[0].items[0].title == "in [] [exported] [set]");
  CHECK(command_line(*read, {0, 0}) == "[] [exported] [set]");
  CHECK(menu.items[0].items[1].items.at(0).title == "deep [] [exported]");
  CHECK(command_line(*read, {0, 1, 0}) == "[] S>T>deep [] [exported]");
  CHECK(command_line(*read, {1}) == "[]");
}

TEST_CASE("chosen is the path of ids, as savedefault keeps it") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "submenu S --id 'a>b' { menuentry x --id y { " + kernel + "$chosen; } }\n");
  CHECK(command_line(*read, {0, 0}) == "a>>b>y");
}

TEST_CASE("what names no entry is refused") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "menuentry a { true; }\nsubmenu S { menuentry b { true; } }\n");
  for (const ItemPath& path : {ItemPath{}, ItemPath{1}, ItemPath{2}, ItemPath{0, 0}, ItemPath{1, 1}})
    CHECK(read->resolve(path).error().code() == Code::invalid);
}

TEST_CASE("a body writes to grubenv only when it boots in earnest") {
  auto environment = debian_disk();
  environment.writable = true;
  std::string block = "# GRUB Environment Block\n";
  block.resize(1024, '#');
  environment.table.at(1).second.files["/boot/grub/grubenv"] = block;
  const auto read = read_grub(environment, "menuentry a { saved_entry=$chosen; save_env saved_entry; echo loading; " +
                                               kernel + "; }\n");
  REQUIRE(read->resolve({0}));
  CHECK(environment.writes.empty());
  CHECK(environment.printed.empty());
  REQUIRE(read->resolve({0}, WritePolicy::on));
  CHECK(environment.writes == std::vector<std::string>{"(xvda1)/boot/grub/grubenv"});
  CHECK(environment.printed == "loading\n");
}

TEST_CASE("a body may read further files, each time anew") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/boot/grub/part.cfg"] = "function g { " + kernel + "from part; }\n";
  const auto read = read_grub(environment, "menuentry a { source $prefix/part.cfg; g; }\nmenuentry b { g; }\n");
  for (int again = 0; again < 3; ++again) {
    CHECK(command_line(*read, {0}) == "from part");
    CHECK(read->resolve({1}).error().text() == "(xvda1)/boot/grub/grub.cfg:2: the entry loads no kernel");
  }
}

TEST_CASE("entries that a submenu's file brings are resolved too") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/sub.cfg"] =
      "menuentry a { " + kernel + "a$v; }\nmenuentry b { " + kernel + "b; }\n";
  const auto read = read_grub(environment, "submenu S { source /sub.cfg; }\n"
                                           "submenu T { export v; v=1; configfile /sub.cfg; }\n");
  CHECK(command_line(*read, {0, 1}) == "b");
  CHECK(command_line(*read, {1, 0}) == "a1");
  CHECK(command_line(*read, {0, 0}) == "a");
}

TEST_CASE("an entry's failures are its own warnings") {
  auto environment = debian_disk();
  const auto read =
      read_grub(environment, "menuentry a {\nnosuch\nsearch --label --set=root none\n" + kernel + "\n}\n");
  CHECK(read->menu().warnings.empty());
  const auto entry = read->resolve({0});
  REQUIRE(entry);
  CHECK(entry->warnings == std::vector<std::string>{"(xvda1)/boot/grub/grub.cfg:2: nosuch: no such command",
                                                    "(xvda1)/boot/grub/grub.cfg:3: search: no such device: none"});
}

TEST_CASE("blscfg is named as what is missing") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "blscfg\n");
  CHECK(read->menu().warnings.at(0).find("/boot/loader/entries") != std::string::npos);
}
