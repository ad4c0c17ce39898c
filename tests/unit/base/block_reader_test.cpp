#include "base/block_reader.hpp"
#include "base/memory_source.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <random>

using namespace pvboot;

namespace {

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

// What a reader lost on purpose; a leak checker finds it here.
const std::byte* lost = nullptr;

/// A source whose reads fail from a given offset on.
class FailingSource final : public BlockSource {
public:
  FailingSource(MemorySource& below, std::uint64_t bad_from) : below_(below), bad_from_(bad_from) {}
  BlockGeometry geometry() const override { return below_.geometry(); }
  std::string_view name() const override { return "failing"; }
  Result<bool> submit(BlockRequest& request) override {
    ++requests;
    if (request.offset >= bad_from_) {
      bad_ = &request;
      return true;
    }
    return below_.submit(request);
  }
  void pump(Duration limit) override {
    if (BlockRequest* request = std::exchange(bad_, nullptr)) {
      request->status = BlockStatus::io_error;
      if (keeps_buffers) {
        request->quarantined = true;
        lost = request->segments.front().data();
      }
      request->on_complete(*request);
    }
    below_.pump(limit);
  }
  bool keeps_buffers = false;
  std::size_t requests = 0;

private:
  MemorySource& below_;
  std::uint64_t bad_from_;
  BlockRequest* bad_ = nullptr;
};

} // namespace

TEST_CASE("any offset and length reads the same bytes as the device holds") {
  auto bytes = pattern(300 * 1024 + 512);
  MemorySource source(bytes, "mem");
  BlockReader reader(source, 4);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t offset = random() % bytes.size();
    const std::size_t length = std::min<std::size_t>(random() % 40000, bytes.size() - offset);
    std::vector<std::byte> out(length);
    REQUIRE(reader.read(offset, out));
    REQUIRE(std::memcmp(out.data(), bytes.data() + offset, length) == 0);
  }
}

TEST_CASE("a read past the end is refused and names the device") {
  auto bytes = pattern(8192);
  MemorySource source(bytes, "mem");
  BlockReader reader(source);
  std::byte out[16];
  CHECK(!reader.read(8192 - 8, out));
  CHECK(reader.read(~std::uint64_t{0}, out).error().text() == "mem: read past the end of the device");
}

TEST_CASE("a failed line is not cached, its neighbours still read") {
  auto bytes = pattern(64 * 1024);
  MemorySource memory(bytes, "mem");
  FailingSource source(memory, 32 * 1024);
  BlockReader reader(source);
  std::byte out[16];
  const auto bad = reader.read(40 * 1024, out);
  REQUIRE(!bad);
  CHECK(bad.error().code() == Code::io);
  CHECK(reader.read(1000, out));
  CHECK(!reader.read(40 * 1024, out));
}

TEST_CASE("a line that the device may still write to is given up, the others stay in the cache") {
  auto bytes = pattern(64 * 1024);
  MemorySource memory(bytes, "mem");
  FailingSource source(memory, 32 * 1024);
  source.keeps_buffers = true;
  BlockReader reader(source, 2);
  std::byte out[16];
  REQUIRE(reader.read(0, out));
  REQUIRE(reader.read(16 * 1024, out));
  REQUIRE(!reader.read(32 * 1024, out));
  REQUIRE(lost != nullptr);
  const std::size_t before = source.requests;
  REQUIRE(reader.read(16 * 1024, out));
  CHECK(source.requests == before);
  CHECK(std::memcmp(out, bytes.data() + 16 * 1024, sizeof out) == 0);
}
