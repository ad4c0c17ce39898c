#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

TEST_CASE("linux and initrd make an entry") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/boot/ucode.img"] = "x";
  const auto entry = resolve_body(environment, R"(
linux /boot/vmlinuz-6.1.0-32-amd64 root=/dev/xvda1 ro "dyndbg=module xen +p"
initrd /boot/ucode.img (hd0,gpt1)/boot/initrd.img-6.1.0-32-amd64
)");
  REQUIRE(entry);
  CHECK(entry->title == "x");
  CHECK(entry->kind == EntryKind::linux);
  CHECK(entry->kernel.text() == "(xvda1)/boot/vmlinuz-6.1.0-32-amd64");
  CHECK(entry->command_line == "root=/dev/xvda1 ro \"dyndbg=module xen +p\"");
  REQUIRE(entry->initrds.size() == 2);
  CHECK(entry->initrds[0].file.text() == "(xvda1)/boot/ucode.img");
  CHECK(entry->initrds[1].file.text() == "(xvda1)/boot/initrd.img-6.1.0-32-amd64");
  CHECK(entry->origin.text() == "(xvda1)/boot/grub/grub.cfg:1");
  CHECK(entry->warnings.empty());
}

TEST_CASE("every way to name a kernel has its kind") {
  struct Case {
    const char* body;
    EntryKind kind;
    const char* command_line;
  };
  constexpr Case cases[] = {
      {"linux16 /k a", EntryKind::linux, "a"},
      {"linuxefi /k a b", EntryKind::linux, "a b"},
      {"multiboot /k a", EntryKind::multiboot, "a"},
      {"multiboot --quirk-bad-kludge /k", EntryKind::multiboot, ""},
      {"multiboot2 /k dom0_mem=1G", EntryKind::multiboot, "dom0_mem=1G"},
      {"xen_hypervisor /k x", EntryKind::multiboot, "x"},
      {"kernel /k x", EntryKind::kernel, "x"},
      {"chainloader /k", EntryKind::chainloader, ""},
      {"chainloader --force /k", EntryKind::chainloader, ""},
      {"linux /k one\nlinux /k two", EntryKind::linux, "two"},
      {"linux /k stop\nboot\nlinux /k never", EntryKind::linux, "stop"},
      {"set root=xvda1\nlinux (xen/xvda,gpt1)/k x", EntryKind::linux, "x"},
  };
  for (const Case& one : cases) {
    INFO(one.body);
    auto environment = debian_disk();
    environment.table.at(1).second.files["/k"] = "kernel";
    const auto entry = resolve_body(environment, one.body);
    REQUIRE(entry);
    CHECK(entry->kind == one.kind);
    CHECK(entry->kernel.text() == "(xvda1)/k");
    CHECK(entry->command_line == one.command_line);
  }
}

TEST_CASE("block lists can be chain-loaded") {
  auto environment = debian_disk();
  CHECK(resolve_body(environment, "chainloader +1")->kernel.text() == "(xvda1)+1");
  CHECK(resolve_body(environment, "chainloader (hd0)+1")->kernel.text() == "(xvda)+1");
}

TEST_CASE("modules keep their order and command lines") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/xen"] = files["/vmlinuz"] = files["/initrd"] = "x";
  const auto entry =
      resolve_body(environment, "multiboot /xen placeholder\nmodule /vmlinuz placeholder root=x \"a b\"\n"
                                "module --nounzip /initrd\n");
  REQUIRE(entry);
  REQUIRE(entry->modules.size() == 2);
  CHECK(entry->modules[0].file.text() == "(xvda1)/vmlinuz");
  CHECK(entry->modules[0].command_line == "placeholder root=x \"a b\"");
  CHECK(entry->modules[1].command_line.empty());
}

TEST_CASE("initrds add up, and may be wrapped") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/k"] = files["/a"] = files["/b"] = "x";
  const auto entry = resolve_body(environment, "linux /k\ninitrd /a\ninitrd newc:etc/key:/b newc:x:(xvda1)/a\n");
  REQUIRE(entry);
  REQUIRE(entry->initrds.size() == 3);
  CHECK(entry->initrds[1].file.text() == "(xvda1)/b");
  CHECK(entry->initrds[1].newc_name == "etc/key");
  CHECK(entry->initrds[2].newc_name == "x");
}

TEST_CASE("names to wrap under and words of modules have an end") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/k"] = "x";
  const auto wrap = [&](std::size_t length) {
    return resolve_body(environment, "linux /k\ninitrd newc:" + std::string(length, 'n') + ":/k\n");
  };
  const auto words = [&](std::size_t length) {
    return resolve_body(environment, "multiboot /k\nmodule /k " + std::string(length, 'w') + "\n");
  };
  CHECK(wrap(1023));
  CHECK(wrap(1024).error().code() == Code::too_large);
  CHECK(words(4095));
  CHECK(words(4096).error().code() == Code::too_large);
}

TEST_CASE("what can't be booted is refused with its cause and place") {
  struct Case {
    const char* body;
    Code code;
    const char* text;
  };
  constexpr Case cases[] = {
      {"true", Code::unsupported, "(xvda1)/boot/grub/grub.cfg:1: the entry loads no kernel"},
      {"linux /nosuch", Code::not_found, "(xvda1)/boot/grub/grub.cfg:2: linux: (xvda1)/nosuch: no such file"},
      {"linux (hd9,1)/k", Code::not_found, "(xvda1)/boot/grub/grub.cfg:2: linux: (hd9,1): no such device"},
      {"linux /boot", Code::invalid, "(xvda1)/boot/grub/grub.cfg:2: linux: (xvda1)/boot: not a regular file"},
      {"linux k", Code::invalid, "(xvda1)/boot/grub/grub.cfg:2: linux: (xvda1)k: a path begins with \"/\""},
      {"linux (hd0/k", Code::invalid,
       "(xvda1)/boot/grub/grub.cfg:2: linux: a device name's parenthesis is never closed"},
      {"linux", Code::unsupported, "(xvda1)/boot/grub/grub.cfg:1: the entry loads no kernel"},
      {"linux /k\ninitrd /nosuch", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: (xvda1)/nosuch: no such file"},
      {"linux /k\ninitrd /k /nosuch", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: (xvda1)/nosuch: no such file"},
      {"linux /k\ninitrd /nosuch\ninitrd /k", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: (xvda1)/nosuch: no such file"},
      {"linux /k\nif initrd /k; then initrd /nosuch; initrd /k; fi", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: (xvda1)/nosuch: no such file"},
      {"linux /k\nif initrd /nosuch; then true; fi", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: (xvda1)/nosuch: no such file"},
      {"linux /k\ninitrd newc:x", Code::invalid,
       "(xvda1)/boot/grub/grub.cfg:3: initrd: \"newc:NAME:FILE\" is expected"},
      {"multiboot /k\nmodule /nosuch", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: module: (xvda1)/nosuch: no such file"},
      {"multiboot /k\nmodule /nosuch\nmodule /k", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:3: module: (xvda1)/nosuch: no such file"},
      {"linux /nosuch\ninitrd /k", Code::not_found,
       "(xvda1)/boot/grub/grub.cfg:2: linux: (xvda1)/nosuch: no such file"},
      {"exit", Code::unsupported, "(xvda1)/boot/grub/grub.cfg:1: the entry leaves the boot loader"},
      {"fwsetup", Code::unsupported, "(xvda1)/boot/grub/grub.cfg:1: the entry loads no kernel"},
      {"initrd /k", Code::unsupported, "(xvda1)/boot/grub/grub.cfg:1: the entry loads no kernel"},
  };
  for (const Case& one : cases) {
    INFO(one.body);
    auto environment = debian_disk();
    environment.table.at(1).second.files["/k"] = "kernel";
    const auto entry = resolve_body(environment, one.body);
    REQUIRE(!entry);
    CHECK(entry.error().code() == one.code);
    CHECK(entry.error().text() == one.text);
  }
}

TEST_CASE("a missing initrd that the script made good is no refusal") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/k"] = "kernel";
  const auto entry = resolve_body(environment, "linux /k\nif initrd /nosuch; then true; else initrd /k; fi\n");
  REQUIRE(entry);
  CHECK(entry->initrds.size() == 1);
  CHECK(entry->warnings.size() == 1);
  CHECK(resolve_body(environment, "linux /k\ninitrd /nosuch\nlinux /k again\n")->command_line == "again");
}

TEST_CASE("reboot, halt and configfile are entries of their own") {
  auto environment = debian_disk();
  CHECK(resolve_body(environment, "reboot")->kind == EntryKind::reboot);
  CHECK(resolve_body(environment, "halt")->kind == EntryKind::poweroff);
  const auto other = resolve_body(environment, "configfile /etc/passwd");
  CHECK(other->kind == EntryKind::configuration);
  CHECK(other->kernel.text() == "(xvda1)/etc/passwd");
  CHECK(!resolve_body(environment, "configfile /nosuch"));
}

TEST_CASE("a program that says boot itself has that for its default") {
  auto environment = debian_disk();
  const auto read = read_grub(environment, "menuentry a { true; }\nset timeout=9\n"
                                           "linux /boot/vmlinuz-6.1.0-32-amd64 direct\nboot\necho never\n");
  const Menu& menu = read->menu();
  CHECK(environment.printed.empty());
  CHECK(menu.default_item == ItemPath{1});
  CHECK(menu.timeout == 0u);
  for (int again = 0; again < 2; ++again) {
    const auto entry = read->resolve(menu.default_item);
    REQUIRE(entry);
    CHECK(entry->command_line == "direct");
    CHECK(entry->kernel.text() == "(xvda1)/boot/vmlinuz-6.1.0-32-amd64");
  }
}
