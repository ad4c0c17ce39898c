// Programs and what they print. The .out files next to the .cfg ones were written by GRUB itself: see
// fixtures/run/record.
#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

namespace {

/// The few things of a host that the recorded programs look at.
TableEnvironment host() {
  TableEnvironment environment;
  environment.add("proc");
  auto& files = environment.add("host", {}, {"hostfs", "", "", "", ""}).files;
  files["/etc/passwd"] = "root";
  files["/dev/null"] = "";
  return environment;
}

std::string output_of(const std::string& text) {
  auto environment = host();
  const auto read = read_config_text(environment, {{"host"}, "/grub.cfg"}, text, {});
  REQUIRE(read);
  return environment.printed;
}

} // namespace

TEST_CASE("programs print what they print in GRUB 2.06") {
  for (const std::string name : {"words", "functions", "control", "conditions", "mistakes", "patterns"}) {
    INFO(name);
    CHECK(output_of(fixture("run/" + name + ".cfg")) == fixture("run/" + name + ".out"));
  }
}

TEST_CASE("an unknown command fails, unlike in GRUB, and is reported") {
  auto environment = host();
  const auto read =
      read_config_text(environment, {{"host"}, "/c"}, "\nif nosuch x; then echo yes; else echo no $?; fi\n", {});
  REQUIRE(read);
  CHECK(environment.printed == "no 16\n");
  CHECK((*read)->menu().warnings.at(0) == "(host)/c:2: nosuch: no such command");
}

TEST_CASE("the variables that GRUB for PV guests sets are set") {
  CHECK(output_of("echo $grub_platform $grub_cpu $feature_menuentry_id $feature_platform_search_hint "
                  "$feature_timeout_style $feature_default_font_path $feature_all_video_module "
                  "$feature_menuentry_options $feature_200_final $feature_nativedisk_cmd") ==
        "xen x86_64 y y y y y y y y\n");
  auto environment = debian_disk();
  read_grub(environment, "echo $root $prefix $config_file $config_directory");
  CHECK(environment.printed == "xvda1 (xvda1)/boot/grub (xvda1)/boot/grub/grub.cfg (xvda1)/boot/grub\n");
}

TEST_CASE("variables from the host's administrator are there, and inherited") {
  auto environment = debian_disk();
  ReadOptions options;
  options.variables = {{"xen_grub_env_color", "blue"}};
  const auto read = read_grub(environment,
                              "submenu s { echo sub $xen_grub_env_color\n"
                              "menuentry $xen_grub_env_color { true; } }",
                              options);
  CHECK(read->menu().items.at(0).items.at(0).title == "blue");
}

TEST_CASE("root loses its parentheses, and paths without a device are on it") {
  auto environment = debian_disk();
  environment.add("xvdb").files["/etc/fstab"] = "x";
  read_grub(environment, "set root='(xvdb)'\necho $root\n"
                         "if [ -f /etc/fstab ]; then echo here; fi\n"
                         "if [ -f (xvda1)/etc/passwd ]; then echo there; fi\n"
                         "if [ ! -f /etc/passwd ]; then echo not here; fi\n");
  CHECK(environment.printed == "xvdb\nhere\nthere\nnot here\n");
}

TEST_CASE("files are compared by age") {
  auto environment = debian_disk();
  auto& root = environment.table.at(1).second;
  root.files["/old"] = root.files["/new"] = "x";
  root.times["/old"] = 1000;
  root.times["/new"] = 2000;
  read_grub(environment, "function t { if [ $* ]; then echo yes; else echo no; fi; }\n"
                         "t /new -nt /old\nt /old -nt /new\nt /old -ot /new\nt /old -nt2000 /new\n"
                         "t /old -nt /missing\nt /missing -nt /old\nt /missing -ot /old\n");
  CHECK(environment.printed == "yes\nno\nyes\nyes\nyes\nno\nyes\n");
}

TEST_CASE("source runs in place, configfile in a context of its own") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/boot/grub/part.cfg"] = "set a=sourced\nset b=sourced\necho in $config_file\n";
  read_grub(environment, "source $prefix/part.cfg\necho $a $config_file\n"
                         "export e\ne=exported\nf=local\nset a=before\n. $prefix/part.cfg\necho $a\n");
  CHECK(environment.printed == "in (xvda1)/boot/grub/part.cfg\nsourced (xvda1)/boot/grub/grub.cfg\n"
                               "in (xvda1)/boot/grub/part.cfg\nsourced\n");

  environment.printed.clear();
  files["/boot/grub/other.cfg"] = "echo [$e] [$f]\nset f=other\n";
  const auto read = read_grub(environment, "export e\ne=exported\nf=local\nconfigfile /boot/grub/other.cfg\necho $f\n"
                                           "source /missing.cfg\necho $?\nmenuentry a { true; }\n");
  CHECK(environment.printed == "[exported] []\nlocal\n0\n");
  CHECK(read->menu().warnings.at(0) == "(xvda1)/missing.cfg: no such file");
}

TEST_CASE("a configfile with entries is the menu") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/real.cfg"] = "set default=1\nset timeout=7\nmenuentry a { true; }\n"
                                                      "menuentry b { linux /boot/vmlinuz-6.1.0-32-amd64 $0 x$y; }\n"
                                                      "echo last\n";
  const auto read = read_grub(environment, "menuentry outer { true; }\nset timeout=1\nexport y\ny=z\n"
                                           "configfile /real.cfg\necho never\n");
  CHECK(environment.printed == "last\n");
  REQUIRE(read->menu().items.size() == 2);
  CHECK(read->menu().default_item == ItemPath{1});
  CHECK(read->menu().timeout == 7u);
  CHECK(read->resolve({1})->command_line == "xz");
}

TEST_CASE("the clock can be asked") {
  auto environment = debian_disk();
  environment.now = 1795360025;
  read_grub(environment, "echo $YEAR-$MONTH-$DAY $HOUR:$MINUTE:$SECOND $WEEKDAY\ndate\n");
  CHECK(environment.printed == "2026-11-22 15:7:5 Sunday\n2026-11-22 15:07:05 Sunday\n");
}

TEST_CASE("what is printed reaches the terminal without control bytes and the menu as messages") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "echo -e 'a\\tb\\r\\a'\necho -n half\nmenuentry x { true; }\n");
  CHECK(environment.printed == "a\tb\\x0d\\x07\nhalf");
  CHECK(read->menu().messages == std::vector<std::string>{"a\\x09b\\x0d\\x07", "half"});
}

TEST_CASE("carriage returns, NUL bytes, a missing last newline and invalid UTF-8 are survived") {
  CHECK(run_grub("echo a\r\necho b\r\n") == "a\nb\n");
  CHECK(run_grub("echo a") == "a\n");
  CHECK(run_grub("echo \xff\xc3") == "\xff\xc3\n");
  auto environment = debian_disk();
  const auto read = read_grub(environment, std::string("echo a\0b; echo c\necho d", 23));
  CHECK(environment.printed == "a\nd\n");
  CHECK(read->menu().warnings.at(0).find("NUL") != std::string::npos);
}

TEST_CASE("commands of a machine with a screen fail quietly, harmless ones succeed") {
  auto environment = debian_disk();
  const auto read =
      read_grub(environment, "for c in insmod rmmod sleep clear true password_pbkdf2; do if $c x; then echo -n y; "
                             "else echo -n n; fi; done\n"
                             "for c in background_image background_color play keystatus cmostest hwmatch serial "
                             "false fwsetup; do if $c x; then echo -n y; else echo -n n; fi; done\n"
                             "if terminal_output console; then echo -n c; fi\n"
                             "if terminal_output gfxterm; then echo -n g; fi\n"
                             "if loadfont unicode; then echo -n f; fi\nmenuentry x { true; }\n");
  CHECK(environment.printed == "yyyyyynnnnnnnnnc");
  CHECK(read->menu().warnings.empty());
}

TEST_CASE("eval runs what it is given") { CHECK(run_grub("c='echo a;'\neval \"$c echo b\"\n") == "a\nb\n"); }
