#include "fs/codec/gather.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

using namespace pvboot;
using codec::Arena;
using codec::Gather;

TEST_CASE("blocks of an arena are aligned, apart, and inside") {
  std::vector<std::byte> memory(10'000);
  Arena arena(MutBytes(memory).subspan(3));
  std::byte* end = memory.data();
  for (const std::size_t size : {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{0}}) {
    auto* block = static_cast<std::byte*>(arena.allocate(size));
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % Arena::alignment == 0);
    CHECK(block >= end);
    end = block + size;
    CHECK(end <= memory.data() + memory.size());
  }
}

TEST_CASE("an arena gives nothing when a block does not fit, whatever its size") {
  std::vector<std::byte> memory(1000);
  Arena arena(memory);
  CHECK(arena.allocate(1000) == nullptr);
  CHECK(arena.allocate(~std::size_t{0}) == nullptr);
  CHECK(arena.allocate(~std::size_t{0} - 100) == nullptr);
  CHECK(arena.allocate(500) != nullptr);
  CHECK(Arena(MutBytes{}).allocate(0) == nullptr);
}

TEST_CASE("what is released can be had again once all above it is released too, in whatever order") {
  std::vector<std::byte> memory(1000);
  Arena arena(memory);
  void* kept = arena.allocate(10);
  void* a = arena.allocate(100);
  void* b = arena.allocate(100);
  void* c = arena.allocate(100);
  arena.release(a);
  CHECK(arena.allocate(400) == nullptr);
  arena.release(c);
  CHECK(arena.allocate(100) == c);
  arena.release(b);
  CHECK(arena.allocate(400) == nullptr);
  arena.release(c);
  CHECK(arena.allocate(400) == a);
  arena.release(nullptr);
  arena.release(kept);
  CHECK(arena.allocate(400) == nullptr);
  arena.release(a);
  CHECK(arena.allocate(500) == kept);
  CHECK(arena.peak() == 128 + 3 * (64 + 128));
}

TEST_CASE("a piece inside one chunk is not copied; one across chunks is put together") {
  std::vector<std::byte> memory(1000);
  Arena arena(memory);
  Gather gather(arena);
  const std::string_view text = "abcdefghij";
  Bytes input = as_bytes(text);

  const auto first = gather.take(input, 4).value();
  REQUIRE(first);
  CHECK(first->data() == as_bytes(text).data());
  CHECK(arena.peak() == 0);

  CHECK_FALSE(gather.take(input, 8).value());
  CHECK(input.empty());
  CHECK(gather.held() == 6);
  Bytes more = as_bytes("klmnop");
  const auto second = gather.take(more, 8).value();
  REQUIRE(second);
  CHECK(as_text(*second) == "efghijkl");
  CHECK(as_text(more) == "mnop");
  CHECK(gather.held() == 0);
}
