#include "loader/image/build_id.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <vector>

using namespace pvboot;

namespace {

std::vector<std::byte> own_program() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

} // namespace

TEST_CASE("the build-id of a linked program is found, and damage finds nothing") {
  auto program = own_program();
  const Bytes id = image::build_id(program);
  REQUIRE(id.size() == 20);

  // The descriptor lies in the program itself, so its place is known.
  const auto place = static_cast<std::size_t>(id.data() - program.data());
  CHECK(image::build_id(Bytes(program).first(place + 19)).empty());
  CHECK(image::build_id(Bytes(program).first(40)).empty());
  CHECK(image::build_id({}).empty());
  program[place - 4] = std::byte{'X'};
  CHECK(image::build_id(program).empty());
}
