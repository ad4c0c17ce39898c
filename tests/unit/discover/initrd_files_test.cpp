#include "loader/discover/initrd_files.hpp"

#include "base/units.hpp"
#include "tests/unit/discover/guest_disks.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

/// Only its size is asked for.
class SizeOnly final : public fs::File {
public:
  explicit SizeOnly(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<fs::Run> run_at(std::uint64_t) override { return fail(Code::io, "there is nothing in it"); }
  Result<void> read(std::uint64_t, MutBytes) override { return fail(Code::io, "there is nothing in it"); }

private:
  std::uint64_t size_;
};

/// Whole pages, filled with what must not stay.
class Room {
public:
  explicit Room(std::uint64_t size) : pages_(static_cast<std::size_t>(pages_for(size))) {
    std::memset(bytes().data(), 0xee, bytes().size());
  }
  MutBytes bytes() { return {reinterpret_cast<std::byte*>(pages_.data()), pages_.size() * sizeof(Page)}; }

private:
  struct Page {
    alignas(4096) std::byte bytes[4096];
  };
  std::vector<Page> pages_;
};

std::vector<config::Initrd> wanted(const std::vector<std::string>& paths) {
  std::vector<config::Initrd> initrds;
  for (const std::string& path : paths)
    initrds.push_back({{{"xvda"}, path}, {}});
  return initrds;
}

std::string contents(TestGuest& guest, const std::vector<std::string>& paths) {
  auto files = InitrdFiles::open(guest.set, wanted(paths));
  REQUIRE(files);
  REQUIRE(files->total_size());
  Room room(*files->total_size());
  REQUIRE(files->read(room.bytes(), nullptr));
  const std::string_view text = as_text(room.bytes());
  const auto size = static_cast<std::size_t>(*files->total_size());
  CHECK(text.substr(size) == std::string(text.size() - size, '\0'));
  return std::string(text.substr(0, size));
}

} // namespace

TEST_CASE("initrds are concatenated, each but the last padded with zeroes to 4 bytes") {
  const std::string five(5, 'a'), many(10'001, 'b'), page(4096, 'p'), two(2, 'c');
  TestGuest guest({disk_with({{"/five", five}, {"/many", many}, {"/page", page}, {"/two", two}, {"/none", ""}})});
  const std::string zeroes(3, '\0');
  CHECK(contents(guest, {"/two"}) == two);
  CHECK(contents(guest, {"/five", "/many", "/two"}) == five + zeroes + many + zeroes + two);
  CHECK(contents(guest, {"/page", "/many", "/five"}) == page + many + zeroes + five);
  CHECK(contents(guest, {"/none", "/two"}) == two);
}

TEST_CASE("without initrds there is no size; an initrd that is missing, empty or to be wrapped is an error") {
  TestGuest guest({disk_with({{"/none", ""}, {"/some", "x"}})});
  CHECK(!InitrdFiles::open(guest.set, {})->total_size());
  const auto missing = InitrdFiles::open(guest.set, wanted({"/some", "/missing"}));
  REQUIRE(!missing);
  CHECK(missing.error().code() == Code::not_found);
  CHECK(missing.error().places().starts_with("(xvda)/missing"));
  const auto empty = InitrdFiles::open(guest.set, wanted({"/none"}));
  REQUIRE(!empty);
  CHECK(empty.error().text() == "(xvda)/none: the initrd is an empty file");
  auto wrapped = wanted({"/some"});
  wrapped.front().newc_name = "/etc/x";
  CHECK(InitrdFiles::open(guest.set, wrapped).error().code() == Code::unsupported);
}

TEST_CASE("sizes whose sum does not fit are refused before anything is read") {
  TestGuest guest({disk_with({{"/some", "x"}})});
  Device& device = *guest.set.devices().front();
  const auto append = [&](InitrdFiles& files, std::uint64_t size) {
    return files.append(OpenFile{guest.set.mount(device).value(), std::make_unique<SizeOnly>(size)}, "x");
  };
  constexpr std::uint64_t most = ~std::uint64_t{0};
  InitrdFiles files;
  REQUIRE(append(files, 100));
  CHECK(append(files, most).error().code() == Code::too_large);
  REQUIRE(append(files, most - 100));
  // The padding alone would wrap, and make the sum small again.
  CHECK(append(files, 1000).error().code() == Code::too_large);
  CHECK(files.total_size() == most);
  Room room(1);
  CHECK(files.read(room.bytes(), nullptr).error().code() == Code::invalid);
}
