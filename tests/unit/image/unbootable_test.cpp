// Kernels that cannot be booted, and the reason that a person is given: the loader's own way through each file of the
// table (peek, stream, bootable_pv) has to end in an error that contains the words.
#include "unbootable.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

using namespace pvboot;
using namespace pvboot::test;

TEST_CASE("an unbootable kernel is refused with its reason") {
  std::set<std::string> names;
  for (const Unbootable& row : unbootable_kernels()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    const auto result = load(row.file, 1000);
    if (row.words.empty()) { // only a guest is too small for it
      CHECK(result);
      continue;
    }
    REQUIRE_FALSE(result);
    const std::string text = result.error().text();
    CAPTURE(text);
    CHECK(result.error().code() == row.code);
    CHECK(text.find(row.words) != std::string::npos);
    for (const std::size_t chunk : {std::size_t{200}, std::size_t{1} << 22}) { // the reason is the kernel's own
      CAPTURE(chunk);
      const auto again = load(row.file, chunk);
      REQUIRE_FALSE(again);
      CHECK(again.error().text() == text);
    }
  }
  CHECK(names.size() >= 100);
}

TEST_CASE("the kernel that they are made from is bootable") {
  CHECK(load(linux_elf().build()));
  CHECK(load(bzimage(linux_elf().build(), std::nullopt)));
}

TEST_CASE("the unbootable kernels as files, for other tests", "[.][write-unbootable]") {
  const char* folder = std::getenv("PVBOOT_UNBOOTABLE");
  REQUIRE(folder != nullptr);
  const std::filesystem::path into(folder);
  std::ofstream list(into / "kernels.json");
  const char* separator = "[";
  for (const Unbootable& row : unbootable_kernels()) {
    std::ofstream(into / row.name, std::ios::binary)
        .write(reinterpret_cast<const char*>(row.file.data()), static_cast<std::streamsize>(row.file.size()));
    // Names and words are the table's own: letters, digits and a few signs that JSON takes as they are.
    list << separator << "\n{\"name\": \"" << row.name << "\", \"words\": \"" << row.words
         << "\", \"words_in_guest\": \"" << row.words_in_guest << "\"}";
    separator = ",";
  }
  list << "\n]\n";
  list.close();
  CHECK(list);
}
