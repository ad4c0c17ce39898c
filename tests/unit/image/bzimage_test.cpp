#include "kernels.hpp"
#include "loader/image/bzimage.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::image;
using namespace pvboot::test;

TEST_CASE("only a boot flag and HdrS together make a bzImage") {
  const Octets image = bzimage(octets("payload"), std::nullopt);
  CHECK(is_bzimage(image));
  CHECK_FALSE(is_bzimage(patched(image, 0x1fe, 0, 2)));
  CHECK_FALSE(is_bzimage(patched(image, 0x202, 0, 4)));
  for (std::size_t length = 0; length < 0x206; ++length)
    CHECK_FALSE(is_bzimage(Bytes(image).first(length)));
}

TEST_CASE("a header cut anywhere is refused, never read past") {
  const Octets image = bzimage(octets("payload"), std::nullopt);
  for (std::size_t length = 0; length < 0x250; ++length)
    CHECK_FALSE(read_setup(Octets(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(length)), image.size()));
}

TEST_CASE("setup_sects of 0 means 4") {
  const Octets image = bzimage(octets("payload"), std::nullopt);
  const auto four = read_setup(image, image.size()).value();
  const auto zero = read_setup(patched(image, 0x1f1, 0, 1), image.size()).value();
  CHECK(zero.payload_offset == four.payload_offset);
  CHECK(four.payload_length == 7);
}

TEST_CASE("a version string that is not there, not ended or far away is empty") {
  const Octets image = bzimage(octets("payload"), std::nullopt);
  const auto version = [&](std::uint64_t pointer) {
    return read_setup(patched(image, 0x20e, pointer, 2), image.size()).value().version;
  };
  CHECK(version(0x200) == "6.1.0-test (x@y) #1");
  CHECK(version(0).empty());
  CHECK(version(0xffff).empty());
  CHECK(version(image.size() - 0x200 - 3).empty());
}

TEST_CASE("protocol 2.08 and every newer one says where the payload is; an older one is refused") {
  for (const unsigned protocol : {0x208u, 0x209u, 0x20fu, 0x210u, 0x300u, 0xffffu}) {
    const Octets image = bzimage(octets("payload"), std::nullopt, static_cast<std::uint16_t>(protocol));
    const auto setup = read_setup(image, image.size());
    REQUIRE(setup);
    CHECK(setup->protocol == protocol);
  }
  for (const unsigned protocol : {0x207u, 0x200u, 0x1ffu, 0u}) {
    const Octets image = bzimage(octets("payload"), std::nullopt, static_cast<std::uint16_t>(protocol));
    const auto setup = read_setup(image, image.size());
    REQUIRE_FALSE(setup);
    CHECK(setup.error().code() == Code::unsupported);
  }
}
