#include "loader/discover/module_package.hpp"

#include "tests/unit/discover/bundles.hpp"

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

// [xen/xen.h: struct xen_multiboot_mod_list]
struct Descriptor {
  le32 start, end, words, pad;
};

Descriptor descriptor(std::string_view package, std::size_t index) {
  return read_as<Descriptor>(as_bytes(package), index * sizeof(Descriptor)).value();
}

} // namespace

TEST_CASE("a package holds its modules, each on a page, with their command lines") {
  const std::string large = noise_text(100'001, 1), page = noise_text(4096, 2);
  TestGuest guest({disk_with({{"/large", large}, {"/page", page}, {"/none", ""}})});
  std::vector<ModuleFile> files;
  files.push_back({open_file(guest, "/large"), "a", "one two=\"a b\""});
  files.push_back({open_file(guest, "/none"), "b", ""});
  files.push_back({open_file(guest, "/page"), "c", "three"});
  const std::string expected[] = {large, "", page};
  const char* words[] = {"one two=\"a b\"", "", "three"};

  auto bundle = package(std::move(files));
  REQUIRE(bundle);
  CHECK(bundle->bounce_bytes() == 0);
  const std::string all = contents(*bundle);
  std::size_t before = 4 * sizeof(Descriptor) + sizeof "one two=\"a b\"" + sizeof "" + sizeof "three";
  for (std::size_t i = 0; i < 3; ++i) {
    const Descriptor d = descriptor(all, i);
    CHECK(d.start.get() % 4096 == 0);
    CHECK(d.start.get() >= before);
    CHECK(d.end.get() + 1 - d.start.get() == expected[i].size());
    CHECK(all.substr(d.start.get(), expected[i].size()) == expected[i]);
    CHECK(std::string(all.c_str() + d.words.get()) == words[i]);
    CHECK(d.pad.get() == 0);
    before = d.start.get() + expected[i].size();
  }
  CHECK(all.size() == before);
  const Descriptor last = descriptor(all, 3);
  CHECK(last.start.get() + last.end.get() + last.words.get() + last.pad.get() == 0);
}

TEST_CASE("a package ends with its last module, even an empty one") {
  TestGuest guest({disk_with({{"/none", ""}})});
  std::vector<ModuleFile> files;
  files.push_back({open_file(guest, "/none"), "a", ""});
  auto bundle = package(std::move(files));
  REQUIRE(bundle);
  const std::string all = contents(*bundle);
  CHECK(all.size() == 4096);
  CHECK(descriptor(all, 0).start.get() == 4096);
  CHECK(descriptor(all, 0).end.get() == 4095);
}

TEST_CASE("modules that the descriptors cannot name are refused") {
  TestGuest guest({disk_with({{"/none", ""}})});
  struct Case {
    std::vector<std::uint64_t> sizes;
    bool fits;
  };
  const Case cases[] = {{{4_GiB - 4096 - 1}, true},         {{4_GiB - 4096}, false},
                        {{2_GiB, 2_GiB - 8192}, true},      {{2_GiB, 2_GiB - 4096}, false},
                        {{~std::uint64_t{0}}, false},       {{~std::uint64_t{0} - 8191}, false},
                        {{1, ~std::uint64_t{0} - 1}, false}};
  for (const Case& c : cases) {
    std::vector<ModuleFile> files;
    for (const std::uint64_t size : c.sizes)
      files.push_back({file_of(guest, size), "(xvda)/m", ""});
    const auto bundle = package(std::move(files));
    CAPTURE(c.sizes);
    CHECK(bundle.has_value() == c.fits);
    if (!bundle) {
      CHECK(bundle.error().code() == Code::too_large);
      CHECK(bundle.error().places().starts_with("(xvda)/m"));
    }
  }
}
