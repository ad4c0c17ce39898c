#include "base/text.hpp"

#include "base/duration.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;

TEST_CASE("numbers become text and text becomes numbers") {
  CHECK(dec(0) == "0");
  CHECK(dec(~std::uint64_t{0}) == "18446744073709551615");
  CHECK(hex(0x1f) == "0x1f");
  CHECK(parse_number("18446744073709551615") == ~std::uint64_t{0});
  CHECK(parse_number("0x10") == 16u);
  for (const char* bad : {"", "0x", "18446744073709551616", "1a", "-1", " 1"})
    CHECK(!parse_number(bad));
}

TEST_CASE("sizes are shown in binary units") {
  CHECK(human_size(512) == "512 bytes");
  CHECK(human_size(1536) == "1.5 KiB");
  CHECK(human_size(std::uint64_t{3} << 30) == "3 GiB");
}

TEST_CASE("lengths of time are shown in seconds") {
  CHECK(seconds_text(Duration{0}) == "0.0000 s");
  CHECK(seconds_text(milliseconds(1050)) == "1.0500 s");
  CHECK(seconds_text(Duration{99'999}) == "0.0000 s");
}

TEST_CASE("control bytes from outside never reach a console as they are") {
  CHECK(printable("a\x1b[2Jb\n") == "a\\x1b[2Jb\\x0a");
  CHECK(printable("\xc2\x9b[2J, \x9b[2J") == "\xc2\\x9b[2J, \\x9b[2J"); // CSI in UTF-8 and alone
  CHECK(printable("\xe2\x80\x9cgr\xc3\x9c\xc3\x9f\xe2\x80\x9d") == "\xe2\x80\x9cgr\xc3\x9c\xc3\x9f\xe2\x80\x9d");
  CHECK(printable(std::string(500, 'x'), 10) == "xxxxxxxxxx...");
}
