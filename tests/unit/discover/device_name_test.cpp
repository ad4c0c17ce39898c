#include "loader/discover/device_name.hpp"

#include <catch2/catch.hpp>

using namespace pvboot::loader;

TEST_CASE("every form of a device name means what its author meant") {
  struct Case {
    const char* text;
    Counting counting;
    const char* disk;
    int index;
    int partition;
    const char* scheme;
  };
  const Case cases[] = {
      {"xvda", Counting::from_one, "xvda", -1, -1, ""},
      {"xvda1", Counting::from_one, "xvda", -1, 1, ""},
      {"xvdaa15", Counting::from_one, "xvdaa", -1, 15, ""},
      {"xen/xvda", Counting::from_one, "xvda", -1, -1, ""},
      {"xen/xvda,gpt1", Counting::from_one, "xvda", -1, 1, "gpt"},
      {"xen/xvda,msdos5", Counting::from_one, "xvda", -1, 5, "msdos"},
      {"hd0", Counting::from_one, "", 0, -1, ""},
      {"hd1,gpt2", Counting::from_one, "", 1, 2, "gpt"},
      {"hd0,1", Counting::from_one, "", 0, 1, ""},
      {"hd0,0", Counting::from_zero, "", 0, 1, ""},
      {"hd0,msdos1", Counting::from_zero, "", 0, 1, "msdos"},
      {"xvda,1", Counting::from_one, "xvda", -1, 1, ""},
      {"sdb3", Counting::from_one, "sdb", -1, 3, ""},
      {"hda", Counting::from_one, "hda", -1, -1, ""},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto name = parse_device_name(c.text, c.counting);
    REQUIRE(name);
    CHECK(name->disk == c.disk);
    CHECK((name->index ? static_cast<int>(*name->index) : -1) == c.index);
    CHECK((name->partition ? static_cast<int>(*name->partition) : -1) == c.partition);
    CHECK(name->scheme == c.scheme);
  }
}

TEST_CASE("what is no device name is refused") {
  for (const char* text : {"", "hd0,", "hd0,0", "hd0,gpt", "hd0,gpt0", "hd0,gpt1x", "xvda1,2", "XVDA", "xen/",
                           "hd99999999999999999999", "xvda0x1", "xvda1a", "hd0x1", "hd0X1", "hd0,0X1", "/xvda"}) {
    INFO(text);
    CHECK(!parse_device_name(text));
  }
}
