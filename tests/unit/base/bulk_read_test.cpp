#include "base/bulk_read.hpp"
#include "base/memory_source.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

using namespace pvboot;

namespace {

/// A memory source with a small queue that counts its requests and can lose its device.
class CountingSource final : public BlockSource {
public:
  CountingSource(MutBytes bytes, BlockGeometry shape) : memory_(bytes, "mem"), shape_(shape) {
    shape_.size = memory_.geometry().size;
  }
  BlockGeometry geometry() const override { return shape_; }
  std::string_view name() const override { return "counting"; }
  Result<bool> submit(BlockRequest& request) override {
    TRY(check(request));
    if (dead)
      return fail(Code::gone, "the disk is not connected", name());
    if (in_flight == std::min(shape_.queue_depth, room))
      return false;
    ++in_flight;
    ++requests;
    deepest = std::max(deepest, in_flight);
    request.next = waiting_;
    waiting_ = &request;
    return true;
  }
  void pump(Duration) override {
    for (BlockRequest* request = std::exchange(waiting_, nullptr); request != nullptr;) {
      BlockRequest* next = request->next;
      --in_flight;
      if (request->offset == fail_at) {
        dead = true;
        request->status = BlockStatus::gone;
        request->quarantined = true;
        request->on_complete(*request);
      } else {
        (void)memory_.submit(*request);
        memory_.pump({});
      }
      request = next;
    }
  }
  std::uint64_t fail_at = ~std::uint64_t{0};
  std::uint32_t room = ~std::uint32_t{0}; ///< what others leave of the queue
  bool dead = false;
  std::uint32_t in_flight = 0, deepest = 0, requests = 0;

private:
  MemorySource memory_;
  BlockGeometry shape_;
  BlockRequest* waiting_ = nullptr;
};

constexpr std::size_t size = 1 << 20;

struct Aligned {
  alignas(4096) std::byte bytes[size];
};

} // namespace

TEST_CASE("extents arrive in their memory, neighbours in one request, the queue full") {
  std::vector<std::byte> disk(size);
  for (std::size_t i = 0; i < size; ++i)
    disk[i] = static_cast<std::byte>(i >> 9);
  CountingSource source(disk, {.max_segments = 8, .max_request_bytes = 65536, .queue_depth = 4});
  auto out = std::make_unique<Aligned>();
  BulkRead bulk(source);
  for (std::size_t at = 0; at < size; at += 4096)
    REQUIRE(bulk.add(at, MutBytes(out->bytes + at, 4096)));
  REQUIRE(bulk.finish());
  CHECK(std::memcmp(out->bytes, disk.data(), size) == 0);
  CHECK(source.requests == size / 65536);
  CHECK(source.deepest == 4);
  CHECK(bulk.bytes_done() == size);
}

TEST_CASE("the first error is reported with its place after all requests have ended") {
  std::vector<std::byte> disk(size);
  CountingSource source(disk, {.max_segments = 1, .max_request_bytes = 4096, .queue_depth = 4});
  source.fail_at = 40960;
  auto out = std::make_unique<Aligned>();
  bool quarantined = false;
  BulkRead bulk(source, &quarantined);
  const auto result = bulk.read(0, MutBytes(out->bytes, size));
  REQUIRE(!result);
  CHECK(result.error().text() == "counting: bytes at 40960: the device went away");
  CHECK(quarantined);
  CHECK(source.in_flight == 0);
}

TEST_CASE("a device lost while its queue is full: the error is the loss, not that nothing can be sent any more") {
  std::vector<std::byte> disk(size);
  CountingSource source(disk, {.max_segments = 1, .max_request_bytes = 4096, .queue_depth = 4});
  source.room = 2;
  source.fail_at = 0;
  auto out = std::make_unique<Aligned>();
  BulkRead bulk(source);
  const auto result = bulk.read(0, MutBytes(out->bytes, size));
  REQUIRE(!result);
  CHECK(result.error().text() == "counting: bytes at 0: the device went away");
  CHECK(source.in_flight == 0);
}

TEST_CASE("a request past the end is refused, not clipped") {
  std::vector<std::byte> disk(8192);
  CountingSource source(disk, {.max_segments = 1, .max_request_bytes = 4096, .queue_depth = 1});
  auto out = std::make_unique<Aligned>();
  BulkRead bulk(source);
  const auto result = bulk.read(4096, MutBytes(out->bytes, 8192));
  REQUIRE(!result);
  CHECK(result.error().code() == Code::corrupt);
}
