// A hostile grub.cfg: every bound ends the run with its reason, in bounded time.
#include "config/grub/limits.hpp"
#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;
using namespace pvboot::config::grub;

namespace {

std::string failure_of(const std::string& text) {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/self.cfg"] = text;
  const auto read = read_config_text(environment, grub_cfg, text, {});
  if (read)
    return "read";
  CHECK(read.error().code() == Code::too_large);
  return read.error().text();
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += text;
  return out;
}

} // namespace

TEST_CASE("a program that never ends, or never stops growing, is ended with the reason") {
  struct Case {
    std::string text;
    const char* reason;
  };
  const Case cases[] = {
      {"while true; do true; done", "runs for too long"},
      {"until false; do true; done", "runs for too long"},
      {"while true; do $nothing; done", "runs for too long"},
      {"while true; do continue; done", "runs for too long"},
      {"function f { f; }\nf", "nested too deeply"},
      {"function f { if true; then f; fi; }\nf", "nested too deeply"},
      {"source /self.cfg", "too deeply"},
      {"configfile /self.cfg", "too deeply"},
      {"eval \"$c\"\nc='eval \"$c\"'\neval \"$c\"", "too deeply"},
      {"a=xxxxxxxx\nwhile true; do a=$a$a; done", "too"},
      {"a=x\nwhile true; do a=\"$a$a\"; echo $a; done", "too"},
      {"a='x x'\nwhile true; do a=\"$a $a\"; for i in $a; do true; done; done", "too"},
      {"i=x\nwhile true; do i=x$i; set $i=1; done", "variables"},
      {"i=x\nwhile true; do i=x$i; export $i; done", "variables"},
      {"i=x\nwhile true; do i=x$i; eval \"function $i { true; }\"; done", "too"},
      {"export a\nsubmenu x { true; }\nwhile true; do configfile /none; done", "read"},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(failure_of(one.text).find(one.reason) != std::string::npos);
  }
}

TEST_CASE("what came before a bound is a menu all the same, with a warning") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "menuentry a { linux /boot/vmlinuz-6.1.0-32-amd64; }\n"
                                           "while true; do true; done\nmenuentry b { true; }\n");
  REQUIRE(read->menu().items.size() == 1);
  CHECK(read->menu().warnings.at(0).find("runs for too long") != std::string::npos);
  CHECK(read->resolve({0}));

  environment.table.at(1).second.files["/endless.cfg"] = "while true; do true; done\n";
  const auto outer = read_grub(environment, "menuentry a { linux /boot/vmlinuz-6.1.0-32-amd64 $v; }\nv=outer\n"
                                            "configfile /endless.cfg\n");
  REQUIRE(outer->menu().items.size() == 1);
  CHECK(outer->menu().warnings.at(0).find("runs for too long") != std::string::npos);
  CHECK(outer->resolve({0})->command_line == "outer");
}

TEST_CASE("what a single command reads or fills in is paid for in steps") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/comment.cfg"] = std::string(limits::file_bytes, '#');
  files["/grubenv"] = "# GRUB Environment Block\n" + std::string(65000, '#');
  struct Case {
    std::string before;
    std::string command;
  };
  const Case cases[] = {
      {"", "source /comment.cfg"},
      {"", "load_env -f /grubenv"},
      {"a='" + std::string(32 * 1024, ' ') + "'\n", "true $a"},
      {"", "true" + repeated(" $nothing", 20000)},
      {"function f { while true; do echo -n x; true $1; done; }\n", "f '" + std::string(32 * 1024, ' ') + "'"},
  };
  ReadOptions options;
  options.max_steps = 10'000;
  for (const Case& one : cases) {
    INFO(one.command.substr(0, 40));
    environment.printed.clear();
    const std::string text = one.before + "while true; do echo -n x; " + one.command + "; done\n";
    CHECK(!read_config_text(environment, grub_cfg, text, options));
    CHECK(environment.printed.size() < 30);
  }
}

TEST_CASE("what a command is given is bounded, wherever it comes from") {
  const std::string value(60000, 'x');
  CHECK(failure_of("a=" + value + "\nb=$\"" + repeated("$a", 100000) + "\"\n").find("too long") != std::string::npos);

  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  for (int i = 0; i < 3000; ++i)
    files["/many/" + std::string(100, 'x') + std::to_string(i)] = "";
  read_grub(environment, "echo /many/*\n");
  CHECK(environment.printed.size() > limits::argument_bytes / 2);
  CHECK(environment.printed.size() < limits::argument_bytes + limits::arguments);
  const auto twice = read_config_text(environment, grub_cfg, "echo /many/* /many/*\n", {});
  REQUIRE(!twice);
  CHECK(twice.error().text().find("too long") != std::string::npos);
}

TEST_CASE("the files that submenus read do not add up") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/large.cfg"] =
      "menuentry x { linux /boot/vmlinuz-6.1.0-32-amd64; }\n" + std::string(limits::file_bytes - 100, '\n');
  const auto read = read_grub(environment, "for s in a b c d; do submenu $s { configfile /large.cfg; }; done\n");
  CHECK(read->menu().warnings.empty());
  REQUIRE(read->menu().items.size() == 4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(read->menu().items[i].items.size() == 1);
    CHECK(read->resolve({i, 0}));
  }
}

TEST_CASE("an entry that never ends is refused, and the others still work") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "menuentry a { while true; do true; done; }\n"
                                           "menuentry b { linux /boot/vmlinuz-6.1.0-32-amd64; }\n"
                                           "submenu c { while true; do true; done; }\n");
  for (int again = 0; again < 3; ++again) {
    const auto entry = read->resolve({0});
    REQUIRE(!entry);
    CHECK(entry.error().code() == Code::too_large);
    CHECK(entry.error().text().starts_with("(xvda1)/boot/grub/grub.cfg:1: "));
    CHECK(read->resolve({1}));
  }
  CHECK(read->menu().items.at(2).items.empty());
}

TEST_CASE("menus are bounded in entries and depth") {
  auto environment = debian_disk();
  const auto wide = read_grub(environment, "while true; do menuentry a { true; }; done\n");
  CHECK(wide->menu().items.size() == limits::items);
  CHECK(wide->menu().warnings.at(0).find("too many entries") != std::string::npos);
  const auto deep = read_grub(environment, "function f { submenu a { f; }; }\nf\n");
  std::size_t depth = 0;
  for (const auto* items = &deep->menu().items; !items->empty(); items = &items->front().items)
    ++depth;
  CHECK(depth == limits::contexts);
  CHECK(!deep->menu().warnings.empty());
  const auto big =
      read_grub(environment, "t=" + std::string(30000, 'x') + "\nwhile true; do menuentry $t { true; }; done\n");
  CHECK(big->menu().items.size() < 10);
}

TEST_CASE("files are bounded, alone and together") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/large.cfg"] = std::string(limits::file_bytes + 1, '\n');
  CHECK(read_config(environment, {{"xvda1"}, "/large.cfg"}, {}).error().code() == Code::too_large);
  CHECK(read_config_text(environment, grub_cfg, files["/large.cfg"], {}).error().code() == Code::too_large);
  files["/half.cfg"] = "function f { true; }\n" + std::string(limits::file_bytes - 100, '\n');
  const auto read = read_config_text(environment, grub_cfg, "for i in 1 2 3 4; do source /half.cfg; done\n", {});
  REQUIRE(!read);
  CHECK(read.error().text().find("too large together") != std::string::npos);
  // Files that leave nothing behind do not add up.
  files["/half.cfg"] = std::string(limits::file_bytes - 100, '\n');
  CHECK(read_config_text(environment, grub_cfg, "for i in 1 2 3 4 5 6; do source /half.cfg; done\n", {}));
}

TEST_CASE("warnings are bounded in number and length") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, repeated("nosuch\n", 500) + "menuentry x { true; }\n");
  CHECK(read->menu().warnings.size() == limits::messages + 1);
  const auto longer = read_grub(environment, std::string(50000, 'x') + "\nmenuentry x { true; }\n");
  CHECK(longer->menu().warnings.at(0).size() < 2 * limits::message_bytes);
}

TEST_CASE("deeply nested conditions and expressions are refused, not followed") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "if [ " + repeated("'(' ", 1000) + "a ]; then true; fi\n" +
                                               "menuentry x { true; }\n" + repeated("if true; then ", 1000) + "\n");
  CHECK(read->menu().items.size() == 1);
  REQUIRE(read->menu().warnings.size() == 2);
  CHECK(read->menu().warnings[0].find("parentheses") != std::string::npos);
  CHECK(read->menu().warnings[1].find("nested too deeply") != std::string::npos);
}
