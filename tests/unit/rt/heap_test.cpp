#include "loader/rt/heap.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

using namespace pvboot::rt;

namespace {

struct Memory {
  alignas(4096) std::byte bytes[1 << 20];
};

} // namespace

TEST_CASE("blocks are aligned, apart from each other, and inside the memory") {
  auto memory = std::make_unique<Memory>();
  Heap heap(memory->bytes);
  for (const std::size_t align : {16u, 64u, 512u, 4096u}) {
    auto* a = static_cast<std::byte*>(heap.allocate(100, align));
    auto* b = static_cast<std::byte*>(heap.allocate(100, align));
    REQUIRE(a != nullptr);
    REQUIRE(b != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(a) % align == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(b) % align == 0);
    CHECK((a + 100 <= b || b + 100 <= a));
    CHECK((a >= memory->bytes && b + 100 <= memory->bytes + sizeof memory->bytes));
  }
}

TEST_CASE("what is freed joins its neighbours: the whole memory can be had again") {
  auto memory = std::make_unique<Memory>();
  Heap heap(memory->bytes);
  std::vector<void*> blocks;
  while (void* block = heap.allocate(1000))
    blocks.push_back(block);
  CHECK(blocks.size() > 1000);
  CHECK(heap.allocate(2000) == nullptr);
  // Every second first, then the rest.
  for (std::size_t i = 0; i < blocks.size(); i += 2)
    heap.release(blocks[i]);
  for (std::size_t i = 1; i < blocks.size(); i += 2)
    heap.release(blocks[i]);
  CHECK(heap.statistics().used == 0);
  CHECK(heap.statistics().blocks == 0);
  CHECK(heap.allocate((1 << 20) - 4096) != nullptr);
}

TEST_CASE("the peak is the most that was in use at once") {
  auto memory = std::make_unique<Memory>();
  Heap heap(memory->bytes);
  void* a = heap.allocate(100000);
  heap.release(a);
  heap.release(heap.allocate(1000));
  CHECK(heap.statistics().peak >= 100000);
  CHECK(heap.statistics().peak < 110000);
  CHECK(heap.statistics().capacity == 1 << 20);
}

TEST_CASE("requests that cannot be are answered with nothing") {
  auto memory = std::make_unique<Memory>();
  Heap heap(memory->bytes);
  CHECK(heap.allocate(1 << 20) == nullptr);
  CHECK(heap.allocate(~std::size_t{0}) == nullptr);
  CHECK(heap.allocate(~std::size_t{0} - 20) == nullptr);
  CHECK(heap.allocate(16, std::size_t{1} << 40) == nullptr);
  CHECK(heap.allocate(0) != nullptr);
  heap.release(nullptr);
}

TEST_CASE("thousands of random allocations keep their contents") {
  auto memory = std::make_unique<Memory>();
  Heap heap(memory->bytes);
  std::mt19937 random(1);
  struct Live {
    std::byte* at;
    std::size_t size;
    std::byte fill;
  };
  std::vector<Live> live;
  for (int round = 0; round < 50000; ++round) {
    if (live.empty() || random() % 2 == 0) {
      const std::size_t size = random() % (random() % 8 == 0 ? 20000 : 300);
      const std::size_t align = std::size_t{16} << (random() % 16 == 0 ? random() % 9 : 0);
      auto* at = static_cast<std::byte*>(heap.allocate(size, align));
      if (at == nullptr)
        continue;
      REQUIRE(reinterpret_cast<std::uintptr_t>(at) % align == 0);
      const auto fill = static_cast<std::byte>(random());
      std::fill_n(at, size, fill);
      live.push_back({at, size, fill});
    } else {
      std::swap(live[random() % live.size()], live.back());
      const Live block = live.back();
      live.pop_back();
      REQUIRE(std::all_of(block.at, block.at + block.size, [&](std::byte b) { return b == block.fill; }));
      heap.release(block.at);
    }
  }
  for (const Live& block : live)
    heap.release(block.at);
  CHECK(heap.statistics().used == 0);
  CHECK(heap.allocate((1 << 20) - 4096) != nullptr);
}
