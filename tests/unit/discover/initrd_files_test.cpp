#include "loader/discover/initrd_files.hpp"

#include "loader/discover/newc_archive.hpp"
#include "tests/unit/discover/bundles.hpp"

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

struct Wanted {
  std::string path, newc_name{};
};

Result<FileBundle> bundle_of(TestGuest& guest, const std::vector<Wanted>& wanted) {
  std::vector<InitrdFile> files;
  for (const Wanted& one : wanted)
    files.push_back({open_file(guest, one.path), "(xvda)" + one.path, one.newc_name});
  return concatenate(std::move(files));
}

std::string concatenated(TestGuest& guest, const std::vector<Wanted>& wanted) {
  auto bundle = bundle_of(guest, wanted);
  REQUIRE(bundle);
  return contents(*bundle);
}

/// `text` behind `all` and at least four zeroes, on a multiple of `alignment`.
std::string with_next(std::string all, const std::string& text, std::size_t alignment) {
  all.resize((all.size() + 4 + alignment - 1) / alignment * alignment);
  return all + text;
}

/// The archive of these files, as it begins on a multiple of 4.
std::string wrapped(const std::vector<std::pair<std::string, std::string>>& files) {
  NewcArchive archive;
  std::string out;
  for (const auto& [name, content] : files) {
    out += archive.member(name, content.size()).value() + content;
    out.resize((out.size() + 3) / 4 * 4);
  }
  return out + archive.trailer();
}

} // namespace

TEST_CASE("initrds are concatenated, each on a page, behind four zeroes at least, the last one as long as it is") {
  const std::string five = noise_text(5, 1), many = noise_text(100'001, 2), page = noise_text(4096, 3),
                    nearly = noise_text(4092, 4), over = noise_text(4093, 5);
  TestGuest guest(
      {disk_with({{"/five", five}, {"/many", many}, {"/page", page}, {"/nearly", nearly}, {"/over", over}})});
  CHECK(concatenated(guest, {{"/five"}}) == five);
  CHECK(concatenated(guest, {{"/page"}}) == page);
  CHECK(concatenated(guest, {{"/five"}, {"/many"}, {"/five"}}) == with_next(with_next(five, many, 4096), five, 4096));
  CHECK(concatenated(guest, {{"/page"}, {"/many"}}) == page + std::string(4096, '\0') + many);
  CHECK(concatenated(guest, {{"/nearly"}, {"/five"}}) == nearly + std::string(4, '\0') + five);
  CHECK(concatenated(guest, {{"/over"}, {"/five"}}) == over + std::string(4099, '\0') + five);
}

TEST_CASE("no initrd that begins on a page is copied") {
  TestGuest guest({disk_with({{"/five", "12345"}, {"/page", std::string(4096, 'p')}})});
  CHECK(bundle_of(guest, {{"/five"}, {"/page"}, {"/five"}})->bounce_bytes() == 0);
  CHECK(bundle_of(guest, {{"/five"}, {"/page", "name"}, {"/five"}})->bounce_bytes() == 4096);
}

TEST_CASE("files to be wrapped become archives where they stand, those in a row one archive") {
  const std::string one = noise_text(10'001, 1), two = "22", plain = noise_text(777, 2);
  TestGuest guest({disk_with({{"/one", one}, {"/two", two}, {"/plain", plain}, {"/none", ""}})});
  CHECK(concatenated(guest, {{"/one", "etc/key"}}) == wrapped({{"etc/key", one}}));
  CHECK(concatenated(guest, {{"/none", "flag"}}) == wrapped({{"flag", ""}}));
  const std::string both = wrapped({{"etc/key", one}, {"etc/other", two}});
  CHECK(concatenated(guest, {{"/one", "etc/key"}, {"/two", "etc/other"}}) == both);
  CHECK(concatenated(guest, {{"/plain"}, {"/one", "etc/key"}, {"/two", "etc/other"}}) == with_next(plain, both, 4));
  CHECK(concatenated(guest, {{"/one", "etc/key"}, {"/two", "etc/other"}, {"/plain"}}) == with_next(both, plain, 4096));
  CHECK(concatenated(guest, {{"/one", "etc/key"}, {"/plain"}, {"/two", "etc/other"}}) ==
        with_next(with_next(wrapped({{"etc/key", one}}), plain, 4096), wrapped({{"etc/other", two}}), 4));
}

TEST_CASE("initrds without a byte, and what cannot be wrapped, are errors that name the file") {
  TestGuest guest({disk_with({{"/none", ""}, {"/some", "x"}})});
  for (const auto& wanted : {std::vector<Wanted>{{"/none"}}, {{"/none"}, {"/some"}}, {{"/some"}, {"/none"}}})
    CHECK(bundle_of(guest, wanted).error().text() == "(xvda)/none: the initrd is an empty file");
  CHECK(bundle_of(guest, {{"/some"}, {"/some", "folder/"}}).error().places().starts_with("(xvda)/some"));
  std::vector<InitrdFile> files;
  files.push_back({file_of(guest, 4_GiB), "(xvda)/large", "name"});
  const auto refused = concatenate(std::move(files));
  CHECK(refused.error().code() == Code::too_large);
}

TEST_CASE("an initrd is listed as a configuration names it") {
  CHECK(text_of({{{"xvda1"}, "/boot/initrd.img"}, {}}) == "(xvda1)/boot/initrd.img");
  CHECK(text_of({{{"xvda1"}, "/key"}, "etc/key"}) == "newc:etc/key:(xvda1)/key");
}
