#include "base/bytes.hpp"
#include "base/checked.hpp"
#include "base/result.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;

namespace {

Result<int> inner(bool good) {
  if (!good)
    return fail(Code::corrupt, "checksum mismatch", "extent block 5678");
  return 7;
}

Result<int> outer(bool good) { return TRY_AT(inner(good), "inode 1234") + 1; }

Result<void> outermost(bool good) {
  TRY_AT(outer(good), "ext4");
  return {};
}

} // namespace

TEST_CASE("an error carries the chain of places, outermost first") {
  const auto result = outermost(false);
  REQUIRE(!result);
  CHECK(result.error().text() == "ext4: inode 1234: extent block 5678: checksum mismatch");
  CHECK(result.error().code() == Code::corrupt);
  CHECK(outermost(true));
}

TEST_CASE("the chain of places is bounded") {
  Error error(Code::io, "x");
  for (int i = 0; i < 1000; ++i)
    error = std::move(error).at("a place with a name");
  CHECK(error.places().size() <= Error::max_places_bytes);
}

TEST_CASE("endian fields read what they were given, and cuts stay inside") {
  CHECK(le32(0x01020304).get() == 0x01020304);
  CHECK(be16(0x0102).get() == 0x0102);
  const std::byte bytes[] = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  CHECK(read_as<le32>(bytes)->get() == 0x04030201);
  CHECK(read_as<be32>(bytes)->get() == 0x01020304);
  CHECK(!read_as<le32>(bytes, 1));
  CHECK(!cut(bytes, ~std::uint64_t{0}, 2));
  CHECK(cut(bytes, 4, 0));
}

TEST_CASE("checked arithmetic refuses what does not fit") {
  CHECK(checked_add<std::uint32_t>(1, 2) == 3u);
  CHECK(!checked_add<std::uint32_t>(~0u, 1));
  CHECK(!checked_mul<std::uint64_t>(std::uint64_t{1} << 63, 2));
  CHECK(checked_align_up<std::uint64_t>(4097, 4096) == 8192u);
  CHECK(!checked_align_up<std::uint64_t>(~std::uint64_t{0}, 4096));
}
