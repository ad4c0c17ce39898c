#include "tests/unit/discover/bundles.hpp"

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

TEST_CASE("pieces follow one another with zeroes between, wherever they begin") {
  const std::string small = noise_text(5, 1), large = noise_text(1'500'001, 2), page = noise_text(4096, 3);
  TestGuest guest({disk_with({{"/small", small}, {"/large", large}, {"/page", page}, {"/none", ""}})});
  FileBundle bundle;
  REQUIRE(bundle.add(open_file(guest, "/small"), "s"));
  REQUIRE(bundle.pad(4));
  REQUIRE(bundle.add("words"));
  REQUIRE(bundle.add(open_file(guest, "/none"), "n"));
  REQUIRE(bundle.add(open_file(guest, "/large"), "l"));
  REQUIRE(bundle.pad(page_size));
  REQUIRE(bundle.add(open_file(guest, "/page"), "p"));
  REQUIRE(bundle.pad(4, 4));
  REQUIRE(bundle.add(open_file(guest, "/small"), "s"));
  std::string expected = small + std::string(3, '\0') + "words" + large;
  expected.resize((expected.size() + 4095) / 4096 * 4096);
  expected += page + std::string(4, '\0') + small;
  CHECK(bundle.size() == expected.size());
  CHECK(contents(bundle) == expected);
}

TEST_CASE("only a file that begins inside a page is copied, through memory of bounded size") {
  TestGuest guest({disk_with({{"/small", "x"}})});
  FileBundle bundle;
  REQUIRE(bundle.add(file_of(guest, 1_GiB), "whole pages"));
  REQUIRE(bundle.add(file_of(guest, 1_GiB), "behind whole pages"));
  CHECK(bundle.bounce_bytes() == 0);
  REQUIRE(bundle.add("x"));
  REQUIRE(bundle.add(file_of(guest, 0), "nothing to copy"));
  CHECK(bundle.bounce_bytes() == 0);
  REQUIRE(bundle.add(file_of(guest, 5000), "few pages"));
  CHECK(bundle.bounce_bytes() == 8192);
  REQUIRE(bundle.add(file_of(guest, 1_GiB + 1), "askew"));
  CHECK(bundle.bounce_bytes() == 8_MiB);
}

TEST_CASE("sizes whose sum does not fit are refused before anything is read") {
  TestGuest guest({disk_with({{"/some", "x"}})});
  constexpr std::uint64_t most = ~std::uint64_t{0};
  FileBundle bundle;
  REQUIRE(bundle.add(file_of(guest, 100), "x"));
  CHECK(bundle.add(file_of(guest, most), "x").error().code() == Code::too_large);
  REQUIRE(bundle.add(file_of(guest, most - 100), "x"));
  // The padding alone would wrap, and make the sum small again.
  CHECK(bundle.pad(4).error().code() == Code::too_large);
  CHECK(bundle.pad(1, 1).error().code() == Code::too_large);
  CHECK(bundle.add("x").error().code() == Code::too_large);
  CHECK(bundle.size() == most);
  Room room(1), bounce(8_MiB);
  FileBundle::Quarantined quarantined;
  CHECK(bundle.read(room.bytes(), bounce.bytes(), quarantined).error().code() == Code::invalid);
}

TEST_CASE("too little room to copy through is refused") {
  TestGuest guest({disk_with({{"/some", std::string(5000, 'x')}})});
  FileBundle bundle;
  REQUIRE(bundle.add("askew"));
  REQUIRE(bundle.add(open_file(guest, "/some"), "x"));
  Room room(bundle.size()), bounce(4096);
  FileBundle::Quarantined quarantined;
  CHECK(bundle.read(room.bytes(), bounce.bytes(), quarantined).error().code() == Code::invalid);
}

TEST_CASE("what cannot be read names its file, whichever way it is read") {
  TestGuest guest({disk_with({{"/some", "x"}})});
  for (const char* before : {"", "askew"}) {
    FileBundle bundle;
    REQUIRE(bundle.add(before));
    REQUIRE(bundle.add(file_of(guest, 100), "(xvda)/broken"));
    Room room(bundle.size()), bounce(bundle.bounce_bytes());
    FileBundle::Quarantined quarantined;
    const auto read = bundle.read(room.bytes(), bounce.bytes(), quarantined);
    REQUIRE(!read);
    CHECK(read.error().text() == "(xvda)/broken: there is nothing in it");
  }
}
