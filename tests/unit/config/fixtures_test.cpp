// Files that grub-mkconfig wrote (Debian 12's; with Ubuntu's switches for the last one).
#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

namespace {

constexpr const char* uuid = "5f6cdb5c-1b0d-4a9a-9f0e-0a0a5b1c2d3e";

std::unique_ptr<Configuration> read_fixture(TableEnvironment& environment, const std::string& name) {
  return read_grub(environment, fixture("grub/" + name));
}

void check_debian_entry(Configuration& configuration, const ItemPath& path, const std::string& version,
                        const std::string& words) {
  const auto entry = configuration.resolve(path);
  if (!entry)
    FAIL(entry.error().text());
  CHECK(entry->kind == EntryKind::linux);
  CHECK(entry->kernel.text() == "(xvda1)/boot/vmlinuz-" + version);
  CHECK(entry->command_line == "root=UUID=" + std::string(uuid) + " ro" + words);
  REQUIRE(entry->initrds.size() == 1);
  CHECK(entry->initrds[0].file.text() == "(xvda1)/boot/initrd.img-" + version);
  CHECK(entry->warnings.empty());
}

} // namespace

TEST_CASE("a stock Debian 12 grub.cfg gives its entries") {
  auto environment = debian_disk();
  const auto read = read_fixture(environment, "debian12-gpt.cfg");
  const Menu& menu = read->menu();
  CHECK(menu.warnings.empty());
  CHECK(menu.default_item == ItemPath{0});
  CHECK(menu.timeout == 5u);
  CHECK(menu.timeout_style == TimeoutStyle::menu);
  REQUIRE(menu.items.size() == 2);
  CHECK(menu.items[0].title == "Debian GNU/Linux");
  CHECK(menu.items[0].id == std::string("gnulinux-simple-") + uuid);
  CHECK(menu.items[0].classes == std::vector<std::string>{"debian", "gnu-linux", "gnu", "os"});
  CHECK(menu.items[1].title == "Advanced options for Debian GNU/Linux");
  REQUIRE(menu.items[1].items.size() == 4);
  CHECK(menu.items[1].items[3].title == "Debian GNU/Linux, with Linux 6.1.0-31-amd64 (recovery mode)");
  check_debian_entry(*read, {0}, "6.1.0-32-amd64", " quiet");
  check_debian_entry(*read, {1, 0}, "6.1.0-32-amd64", " quiet");
  check_debian_entry(*read, {1, 1}, "6.1.0-32-amd64", " single");
  check_debian_entry(*read, {1, 2}, "6.1.0-31-amd64", " quiet");
  check_debian_entry(*read, {1, 3}, "6.1.0-31-amd64", " single");
}

TEST_CASE("custom.cfg beside grub.cfg is read, as 41_custom asks") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/boot/grub/custom.cfg"] =
      "menuentry Mine { linux /boot/vmlinuz-6.1.0-31-amd64; }\n";
  const auto read = read_fixture(environment, "debian12-gpt.cfg");
  REQUIRE(read->menu().items.size() == 3);
  CHECK(read->menu().items[2].title == "Mine");
  CHECK(read->menu().items[2].origin.text() == "(xvda1)/boot/grub/custom.cfg:1");
}

TEST_CASE("a saved default, a hidden menu and quoted words are followed") {
  auto environment = debian_disk();
  environment.writable = true;
  auto& files = environment.table.at(1).second.files;
  std::string block = "# GRUB Environment Block\nsaved_entry=gnulinux-advanced-" + std::string(uuid) +
                      ">gnulinux-6.1.0-31-amd64-advanced-" + uuid + "\n";
  block.resize(1024, '#');
  files["/boot/grub/grubenv"] = block;
  const auto read = read_fixture(environment, "debian12-saved.cfg");
  const Menu& menu = read->menu();
  CHECK(menu.warnings.empty());
  CHECK(menu.default_item == ItemPath{1, 2});
  CHECK(menu.timeout == 3u);
  CHECK(menu.timeout_style == TimeoutStyle::hidden);
  check_debian_entry(*read, {0}, "6.1.0-32-amd64", " console=hvc0 \"dyndbg=module xen +p\" quiet");
  REQUIRE(read->resolve({0}, WritePolicy::on));
  CHECK(files["/boot/grub/grubenv"].find("saved_entry=gnulinux-simple-") != std::string::npos);
}

TEST_CASE("next_entry is used once") {
  auto environment = debian_disk();
  environment.writable = true;
  auto& files = environment.table.at(1).second.files;
  std::string block = "# GRUB Environment Block\nnext_entry=1>3\n";
  block.resize(1024, '#');
  files["/boot/grub/grubenv"] = block;
  ReadOptions options;
  options.writes = WritePolicy::on;
  CHECK(read_grub(environment, fixture("grub/debian12-gpt.cfg"), options)->menu().default_item == ItemPath{1, 3});
  CHECK(files["/boot/grub/grubenv"].find("next_entry=\n") != std::string::npos);
  CHECK(read_grub(environment, fixture("grub/debian12-gpt.cfg"), options)->menu().default_item == ItemPath{0});
}

TEST_CASE("a dom0's entries and those that os-prober found are read") {
  auto environment = debian_disk();
  auto& files = environment.table.at(1).second.files;
  files["/boot/xen-4.17-amd64.gz"] = "xen";
  files["/boot/vmlinuz-5.10.0-30-amd64"] = files["/boot/initrd.img-5.10.0-30-amd64"] = "x";
  const auto read = read_fixture(environment, "debian12-dom0-prober.cfg");
  const Menu& menu = read->menu();
  CHECK(menu.warnings.empty());
  const auto dom0 = menu.find("Debian GNU/Linux, with Xen hypervisor");
  REQUIRE(dom0);
  const auto entry = read->resolve(*dom0);
  REQUIRE(entry);
  CHECK(entry->kind == EntryKind::multiboot);
  CHECK(entry->kernel.text() == "(xvda1)/boot/xen-4.17-amd64.gz");
  REQUIRE(entry->modules.size() == 2);
  CHECK(entry->modules[0].command_line == "placeholder root=UUID=" + std::string(uuid) + " ro quiet");
  const auto probed = menu.find("Advanced options for Debian GNU/Linux 11 (bullseye) (on /dev/xvdb1)>1");
  REQUIRE(probed);
  CHECK(read->resolve(*probed)->command_line == "root=/dev/xvdb1 ro single");
  const auto windows = menu.find("Windows 10 (on /dev/xvdc1)");
  REQUIRE(windows);
  const auto chain = read->resolve(*windows);
  REQUIRE(chain);
  CHECK(chain->kind == EntryKind::chainloader);
  CHECK(chain->kernel.text() == "(xvda1)+1");
}

TEST_CASE("Ubuntu's grub.cfg gives its entries, with its functions") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/boot/grub/gfxblacklist.txt"] = "v1234d5678";
  const auto read = read_fixture(environment, "ubuntu.cfg");
  const Menu& menu = read->menu();
  CHECK(menu.warnings.empty());
  CHECK(menu.timeout == 0u);
  CHECK(menu.timeout_style == TimeoutStyle::hidden);
  REQUIRE(menu.items.size() == 2);
  CHECK(menu.items[0].title == "Ubuntu");
  check_debian_entry(*read, {0}, "6.1.0-32-amd64", " quiet splash");
  check_debian_entry(*read, {1, 1}, "6.1.0-32-amd64", " single nomodeset");
  environment.table.at(1).second.files.erase("/boot/grub/gfxblacklist.txt");
  const auto keep = read_fixture(environment, "ubuntu.cfg");
  check_debian_entry(*keep, {0}, "6.1.0-32-amd64", " quiet splash vt.handoff=7");
}

TEST_CASE("a kernel that has gone is named with the line that asks for it") {
  auto environment = debian_disk();
  environment.table.at(1).second.files.erase("/boot/vmlinuz-6.1.0-32-amd64");
  const auto read = read_fixture(environment, "debian12-gpt.cfg");
  const auto entry = read->resolve({0});
  REQUIRE(!entry);
  CHECK(entry.error().code() == Code::not_found);
  CHECK(entry.error().text() ==
        "(xvda1)/boot/grub/grub.cfg:119: linux: (xvda1)/boot/vmlinuz-6.1.0-32-amd64: no such file");
  CHECK(read->resolve({1, 2}));
}

TEST_CASE("an EFI system's stub leads to the real configuration") {
  auto environment = debian_disk();
  environment.table.at(1).second.files["/boot/grub/grub.cfg"] = fixture("grub/debian12-gpt.cfg");
  auto& efi = environment.add("xvda15", {"hd0,gpt15"}, {"fat", "ABCD-1234", "", "", "gpt"}).files;
  efi["/EFI/debian/grub.cfg"] = std::string("search.fs_uuid ") + uuid +
                                " root hd0,gpt1\nset prefix=($root)'/boot/grub'\n"
                                "configfile $prefix/grub.cfg\n";
  const auto read = read_config(environment, {{"xvda15"}, "/EFI/debian/grub.cfg"}, {});
  REQUIRE(read);
  CHECK((*read)->menu().items.size() == 2);
  check_debian_entry(**read, {1, 1}, "6.1.0-32-amd64", " single");
}
