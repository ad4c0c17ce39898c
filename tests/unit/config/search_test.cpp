#include "helpers.hpp"

using namespace pvboot;
using namespace pvboot::config;

namespace {

TableEnvironment three_disks() {
  TableEnvironment environment;
  environment.add("xvda", {"hd0"});
  environment.add("xvda1", {"hd0,gpt1", "hd0,1"}, {"ext2", "aaaa-1111", "boot", "p1", "gpt"}).files["/boot/x"] = "1";
  environment.add("xvdb", {"hd1"}, {"ext2", "BBBB-2222", "data", "", ""}).files["/etc/y"] = "2";
  environment.add("xvdb1", {"hd1,1"}, {"xfs", "cccc-3333", "boot", "p2", "msdos"}).files["/boot/x"] = "3";
  return environment;
}

std::string found_by(const std::string& words) {
  auto environment = three_disks();
  auto read = read_config_text(environment, grub_cfg, "root=none\n" + words + "\nst=$?\necho $root $v $st\n", {});
  REQUIRE(read);
  return environment.printed;
}

} // namespace

TEST_CASE("search finds devices by file, label and UUID, hints first") {
  struct Case {
    const char* words;
    const char* printed;
  };
  constexpr Case cases[] = {
      {"search --fs-uuid --set=root bbbb-2222", "xvdb 0\n"},
      {"search --no-floppy --fs-uuid --set=root cccc-3333", "xvdb1 0\n"},
      {"search -u -s root cccc-3333", "xvdb1 0\n"},
      {"search --fs-uuid --set cccc-3333", "xvdb1 0\n"},
      {"search --fs-uuid --set=v aaaa-1111", "none xvda1 0\n"},
      {"search --label --set=root boot", "xvda1 0\n"},
      {"search --label --set=root BOOT", "none 5\n"},
      {"search --label --set=root --hint=hd1,1 boot", "xvdb1 0\n"},
      {"search --label --set=root --hint hd1,1 boot", "xvdb1 0\n"},
      {"search --label --set=root --hint=xvdb, boot", "xvdb1 0\n"},
      {"search --label --set=root --hint='(hd1,1)' boot", "xvdb1 0\n"},
      {"search --label --set=root --hint=nosuch boot", "xvda1 0\n"},
      {"search --label --set=root --hint-bios=hd1,1 boot", "xvda1 0\n"},
      {"search --label --set=root --hint-efi=hd1,1 --hint-ieee1275=x --hint-arc=y boot", "xvda1 0\n"},
      {"search --label --set=root --hint-baremetal=hd1,1 boot", "xvdb1 0\n"},
      {"search --label --set=root --hint-future=hd1,1 boot", "xvda1 0\n"},
      {"search --no-floppy --root-dev-only --fs-uuid --set=v cccc-3333", "none xvdb1 0\n"},
      {"search --file --set=root /boot/x", "xvda1 0\n"},
      {"search --file --set=root /boot", "none 5\n"},
      {"search -f /etc/y --set=root", "xvdb 0\n"},
      {"search -s -f /etc/y", "xvdb 0\n"},
      {"search --fs-uuid --set=root dddd", "none 5\n"},
      {"search --set=root", "none 17\n"},
      {"search --file", "none 18\n"},
      {"search --label boot", " xvda1 xvdb1none 0\n"},
      {"search.fs_uuid cccc-3333 root", "xvdb1 0\n"},
      {"search.fs_uuid cccc-3333 root hd0,1", "xvdb1 0\n"},
      {"search.fs_label boot v hd1,1", "none xvdb1 0\n"},
      {"search.file /etc/y root", "xvdb 0\n"},
      {"search.file", "none 18\n"},
      {"probe --set=v --fs (hd1,1)", "none xfs 0\n"},
      {"probe -s v -f xvda1", "none ext2 0\n"},
      {"probe --set v --fs-uuid (xvdb)", "none BBBB-2222 0\n"},
      {"probe --set v --label (xvdb1)", "none boot 0\n"},
      {"probe --set v --part-uuid (xvdb1)", "none p2 0\n"},
      {"probe --set v --part-uuid (xvdb)", "none none 0\n"},
      {"probe --set v --partmap (xvda1)", "none gpt 0\n"},
      {"probe --set v --driver (xvda1)", "none xen 0\n"},
      {"probe --fs (xvda1)", "ext2none 0\n"},
      {"probe --fs (xvda)", "none 8\n"},
      {"probe --fs (nosuch)", "none 5\n"},
      {"probe --fs", "none 18\n"},
      {"probe (xvda1)", "none 24\n"},
  };
  for (const Case& one : cases) {
    INFO(one.words);
    CHECK(found_by(one.words) == one.printed);
  }
}

TEST_CASE("patterns are names of devices too") {
  auto environment = three_disks();
  REQUIRE(read_config_text(environment, grub_cfg, "for d in (*); do echo $d; done\necho (xvd?1)/boot/*\n", {}));
  CHECK(environment.printed == "(xvda)\n(xvda1)\n(xvdb)\n(xvdb1)\n(xvda1)/boot/x (xvdb1)/boot/x\n");
}
