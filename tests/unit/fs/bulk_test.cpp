// Whole files into memory and as a stream, from a device whose completions come late and out of order.
#include "base/text.hpp"
#include "fs/bulk/file_stream.hpp"
#include "fs/bulk/read_into.hpp"
#include "fs/bulk/read_through.hpp"
#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>

using namespace pvboot;
using namespace pvboot::test;

namespace {

/// A device with a small queue that answers the newest request first, and one request a pump.
class SlowSource final : public BlockSource {
public:
  explicit SlowSource(MutBytes bytes, std::uint32_t block_size = 512)
      : memory_(bytes, "xvda1", block_size), shape_{.block_size = block_size,
                                                    .size = memory_.geometry().size,
                                                    .max_segments = 2,
                                                    .max_request_bytes = 65536,
                                                    .queue_depth = 8} {}
  BlockGeometry geometry() const override { return shape_; }
  std::string_view name() const override { return "xvda1"; }
  Result<bool> submit(BlockRequest& request) override {
    TRY(check(request));
    if (waiting_.size() == shape_.queue_depth)
      return false;
    waiting_.push_back(&request);
    deepest = std::max(deepest, waiting_.size());
    ++requests;
    return true;
  }
  void pump(Duration) override {
    if (waiting_.empty())
      return;
    BlockRequest& request = *waiting_.back();
    waiting_.pop_back();
    if (silent) {
      request.status = BlockStatus::timed_out;
      request.quarantined = true;
      request.on_complete(request);
    } else if (bad_from <= request.offset && request.offset < bad_to) {
      request.status = BlockStatus::io_error;
      request.on_complete(request);
    } else {
      (void)memory_.submit(request);
      memory_.pump({});
    }
  }
  bool idle() const { return waiting_.empty(); }

  std::uint64_t bad_from = 0, bad_to = 0;
  bool silent = false; ///< what is in flight times out, with its buffers
  std::size_t deepest = 0, requests = 0;

private:
  MemorySource memory_;
  BlockGeometry shape_;
  std::deque<BlockRequest*> waiting_;
};

/// A file made of runs of every kind, over a device of noise.
class Patchwork final : public fs::File {
public:
  Patchwork(BlockSource& device, Bytes disk) : device_(device), disk_(disk) {}

  void add(fs::Run::Kind kind, std::uint64_t length, std::uint64_t disk_offset = 0) {
    fs::Run run{
        .kind = kind, .offset = content.size(), .length = length, .source = &device_, .disk_offset = disk_offset};
    std::vector<std::byte> bytes(length);
    if (kind == fs::Run::Kind::disk)
      std::ranges::copy(disk_.subspan(disk_offset, length), bytes.begin());
    else if (kind != fs::Run::Kind::zeroes)
      bytes = noise(length, static_cast<std::uint32_t>(content.size() + 1));
    content.insert(content.end(), bytes.begin(), bytes.end());
    runs_.push_back(run);
  }

  std::uint64_t size() const override { return content.size(); }
  Result<fs::Run> run_at(std::uint64_t offset) override {
    if (offset >= broken_from)
      return fail(Code::corrupt, "broken", "run");
    for (fs::Run run : runs_) {
      if (offset >= run.offset + run.length)
        continue;
      const std::uint64_t skipped = offset - run.offset;
      run.offset += skipped;
      run.length -= skipped;
      run.disk_offset += skipped;
      if (run.kind == fs::Run::Kind::inline_bytes)
        run.bytes = Bytes(content).subspan(offset, run.length);
      return run;
    }
    return fail(Code::invalid, "past the end");
  }
  Result<void> read(std::uint64_t offset, MutBytes out) override {
    if (offset > size() || out.size() > size() - offset)
      return fail(Code::invalid, "past the end");
    std::ranges::copy(Bytes(content).subspan(offset, out.size()), out.begin());
    ++reads;
    return {};
  }

  std::vector<std::byte> content;
  std::uint64_t broken_from = ~std::uint64_t{0};
  unsigned reads = 0;

private:
  BlockSource& device_;
  Bytes disk_;
  std::vector<fs::Run> runs_;
};

void fill(Patchwork& file) {
  using Kind = fs::Run::Kind;
  file.add(Kind::disk, 300 * 1024, 8192);
  file.add(Kind::zeroes, 200 * 1024);
  file.add(Kind::disk, 4096, 1024 * 1024);
  file.add(Kind::encoded, 128 * 1024);
  file.add(Kind::disk, 700 * 1024, 2 * 1024 * 1024);
  file.add(Kind::inline_bytes, 4096);
  file.add(Kind::disk, 5000, 3 * 1024 * 1024); // ends the file in the middle of a block
}

/// Pages that are not zero.
class Pages {
public:
  explicit Pages(std::size_t size) : storage_(size + 4096, std::byte{0xa5}), size_(size) {}
  MutBytes bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return {storage_.data() + (4096 - address % 4096) % 4096, size_};
  }

private:
  std::vector<std::byte> storage_;
  std::size_t size_;
};

std::size_t whole_pages(std::uint64_t size) { return static_cast<std::size_t>((size + 4095) & ~std::uint64_t{4095}); }

} // namespace

TEST_CASE("read_into brings every kind of run to its place and zeroes the rest of the last page") {
  for (const std::uint32_t block_size : {512u, 4096u}) {
    auto disk = noise(4 << 20, 3);
    SlowSource source(disk, block_size);
    Patchwork file(source, disk);
    fill(file);
    Pages pages(whole_pages(file.size()) + 4096);
    struct Seen {
      std::uint64_t last = 0;
      bool backwards = false;
    } seen;
    const auto progress = [](void* context, std::uint64_t done, std::uint64_t total) {
      auto& mine = *static_cast<Seen*>(context);
      mine.backwards |= done < mine.last || done > total;
      mine.last = done;
    };
    const auto result = fs::read_into(file, pages.bytes(), {.progress = progress, .context = &seen});
    INFO((result ? "" : result.error().text()));
    REQUIRE(result);
    CHECK(std::ranges::equal(pages.bytes().first(file.size()), file.content));
    CHECK(std::ranges::all_of(pages.bytes().subspan(file.size()), [](std::byte byte) { return byte == std::byte{}; }));
    CHECK(seen.last == file.size());
    CHECK(!seen.backwards);
    CHECK(file.reads == 1); // the encoded run
    CHECK(source.deepest == 8);
  }
}

TEST_CASE("runs that do not lie on the device's blocks are read all the same") {
  auto disk = noise(1 << 20, 4);
  SlowSource source(disk, 4096);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 3072, 1024);
  file.add(fs::Run::Kind::disk, 40960, 65536 + 512);
  file.add(fs::Run::Kind::disk, 6000, 8192);
  Pages pages(whole_pages(file.size()));
  REQUIRE(fs::read_into(file, pages.bytes()));
  CHECK(std::ranges::equal(pages.bytes().first(file.size()), file.content));

  Pages buffer(2 * 8192);
  fs::FileStream stream(file, buffer.bytes(), 8192);
  std::vector<std::byte> all;
  for (;;) {
    const Bytes chunk = stream.next().value();
    if (chunk.empty())
      break;
    all.insert(all.end(), chunk.begin(), chunk.end());
  }
  CHECK(all == file.content);
}

TEST_CASE("read_into refuses memory that does not hold whole pages") {
  std::vector<std::byte> disk(1 << 16);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 5000);
  Pages pages(8192);
  CHECK(fs::read_into(file, pages.bytes().first(5000)).error().code() == Code::invalid);
  CHECK(fs::read_into(file, pages.bytes().subspan(512)).error().code() == Code::invalid);
  CHECK(fs::read_into(file, pages.bytes()));
}

TEST_CASE("an empty file needs no memory") {
  std::vector<std::byte> disk(1 << 16);
  SlowSource source(disk);
  Patchwork file(source, disk);
  CHECK(fs::read_into(file, {}));
  CHECK(source.requests == 0);
}

TEST_CASE("an error ends read_into with nothing in flight") {
  auto disk = noise(4 << 20, 5);
  SlowSource source(disk);
  Patchwork file(source, disk);
  fill(file);
  Pages pages(whole_pages(file.size()));
  SECTION("of the device") {
    source.bad_from = 1024 * 1024;
    source.bad_to = source.bad_from + 4096;
    const auto result = fs::read_into(file, pages.bytes());
    REQUIRE(!result);
    CHECK(result.error().text() == "xvda1: bytes at 1048576: the device reported an error");
  }
  SECTION("of the file") {
    file.broken_from = 400 * 1024;
    const auto result = fs::read_into(file, pages.bytes());
    REQUIRE(!result);
    CHECK(result.error().text() == "run: broken");
  }
  CHECK(source.idle());
}

TEST_CASE("a stream gives the file in order, whatever its chunks, its start and its device's order") {
  auto disk = noise(4 << 20, 6);
  for (const std::size_t chunk : {4096, 65536, 1 << 20})
    for (const std::size_t chunks : {1, 2, 5})
      for (const std::uint64_t start : {0, 1, 4096, 300000, 1300000}) {
        SlowSource source(disk);
        Patchwork file(source, disk);
        fill(file);
        INFO("chunks of " << chunk << " x " << chunks << " from " << start);
        Pages buffer(chunk * chunks);
        fs::FileStream stream(file, buffer.bytes(), chunk, start);
        std::vector<std::byte> all;
        for (;;) {
          CHECK(stream.position() == start + all.size());
          const auto bytes = stream.next();
          INFO((bytes ? "" : bytes.error().text()));
          REQUIRE(bytes);
          if (bytes->empty())
            break;
          all.insert(all.end(), bytes->begin(), bytes->end());
        }
        CHECK(std::ranges::equal(all, Bytes(file.content).subspan(start)));
        CHECK(stream.next()->empty());
        CHECK(source.idle());
      }
}

TEST_CASE("a stream reads ahead while the caller holds a chunk") {
  auto disk = noise(4 << 20, 7);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 4 << 20);
  Pages buffer(4 * 65536);
  fs::FileStream stream(file, buffer.bytes(), 65536);
  REQUIRE(stream.next());
  CHECK(source.requests == 4);
  REQUIRE(stream.next());
  CHECK(source.requests == 5); // the first chunk's memory is free again
}

TEST_CASE("a stream delivers what came before an error, then the error, and drains its device") {
  auto disk = noise(4 << 20, 8);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 4 << 20);
  std::string expected;
  {
    Pages buffer(4 * 65536);
    fs::FileStream stream(file, buffer.bytes(), 65536);
    SECTION("of the device") {
      source.bad_from = 3 * 65536;
      source.bad_to = source.bad_from + 512;
      expected = "xvda1: bytes at 196608: the device reported an error";
    }
    SECTION("of the file") {
      file.broken_from = 3 * 65536;
      expected = "run: broken";
    }
    for (int i = 0; i < 3; ++i)
      CHECK(stream.next()->size() == 65536);
    for (int i = 0; i < 2; ++i) {
      const auto bytes = stream.next();
      REQUIRE(!bytes);
      CHECK(bytes.error().text() == expected);
    }
  }
  CHECK(source.idle());
}

TEST_CASE("a stream that is given up knows what becomes of its buffer") {
  auto disk = noise(1 << 20, 9);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 1 << 20);
  for (const bool silent : {false, true}) {
    Pages buffer(4 * 65536);
    fs::FileStream stream(file, buffer.bytes(), 65536);
    REQUIRE(stream.next());
    REQUIRE(stream.next()); // the first chunk's memory is being filled again
    REQUIRE(!source.idle());
    source.silent = silent;
    CHECK(stream.quarantined() == silent);
    CHECK(source.idle());
  }
}

TEST_CASE("a stream over memory of no whole pages fails at its first chunk") {
  std::vector<std::byte> disk(1 << 16);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 5000);
  Pages buffer(8192);
  CHECK(fs::FileStream(file, buffer.bytes(), 5000).next().error().code() == Code::invalid);
  CHECK(fs::FileStream(file, buffer.bytes(), 16384).next().error().code() == Code::invalid);
  CHECK(fs::FileStream(file, buffer.bytes().subspan(8, 4096), 4096).next().error().code() == Code::invalid);
  CHECK(fs::FileStream(file, buffer.bytes(), 4096, 5001).next().error().code() == Code::invalid);
  CHECK(fs::FileStream(file, buffer.bytes(), 4096, 5000).next()->empty());
}

TEST_CASE("a file gets through a bounce buffer to any place, with many requests on their way") {
  auto disk = noise(4 << 20, 10);
  for (const std::size_t bounce : {4096, 3 * 4096, 64 * 4096, 8 << 20})
    for (const std::size_t shift : {1, 4, 512, 4095}) {
      SlowSource source(disk);
      Patchwork file(source, disk);
      fill(file);
      INFO("through " << bounce << " to " << shift);
      std::vector<std::byte> room(shift + file.size() + 1, std::byte{0xa5});
      Pages pages(bounce);
      REQUIRE(fs::read_through(file, MutBytes(room).subspan(shift, file.size()), pages.bytes()));
      CHECK(std::ranges::equal(Bytes(room).subspan(shift, file.size()), file.content));
      CHECK(room[shift - 1] == std::byte{0xa5});
      CHECK(room.back() == std::byte{0xa5});
      CHECK(source.idle());
      if (bounce >= 64 * 4096)
        CHECK(source.deepest >= 5);
    }
}

TEST_CASE("a bounce buffer is whole pages, no more than the file needs, and bounded") {
  CHECK(fs::bounce_for(0) == 4096);
  CHECK(fs::bounce_for(4096) == 4096);
  CHECK(fs::bounce_for(4097) == 8192);
  CHECK(fs::bounce_for(~std::uint64_t{0}) == fs::most_bounce);
}

TEST_CASE("an error ends read_through with nothing in flight, and tells of a lost bounce buffer") {
  auto disk = noise(4 << 20, 11);
  SlowSource source(disk);
  Patchwork file(source, disk);
  file.add(fs::Run::Kind::disk, 4 << 20);
  std::vector<std::byte> room(file.size());
  Pages bounce(1 << 20);
  bool quarantined = false;
  SECTION("of the device") {
    source.bad_from = 1 << 20;
    source.bad_to = source.bad_from + 4096;
    const auto result = fs::read_through(file, room, bounce.bytes(), &quarantined);
    REQUIRE(!result);
    CHECK(result.error().text() == "xvda1: bytes at 1048576: the device reported an error");
    CHECK(!quarantined);
  }
  SECTION("of the file") {
    file.broken_from = 400 * 1024;
    CHECK(fs::read_through(file, room, bounce.bytes(), &quarantined).error().text() == "run: broken");
    CHECK(!quarantined);
  }
  SECTION("of a device that does not answer") {
    source.silent = true;
    CHECK(fs::read_through(file, room, bounce.bytes(), &quarantined).error().code() == Code::timed_out);
    CHECK(quarantined);
  }
  SECTION("of the room") {
    CHECK(fs::read_through(file, MutBytes(room).first(4096), bounce.bytes()).error().code() == Code::invalid);
    CHECK(fs::read_through(file, room, bounce.bytes().first(100)).error().code() == Code::invalid);
  }
  CHECK(source.idle());
}

TEST_CASE("files of a real filesystem stream and load as read() gives them") {
  Scratch scratch;
  plant_tree(scratch / "tree");
  plant_sparse_files(scratch / "tree");
  std::filesystem::remove(scratch / "tree" / "sparse" / "hole-only");
  auto image = make_ext(scratch, scratch / "tree", {.options = "-t ext4 -b 1024 -N 4000"});
  SlowSource source(image);
  auto fs = fs::probe(source).value();
  for (const char* path : {"/sizes/3000001", "/sizes/274433", "/sizes/1", "/sizes/0", "/sparse/comb"}) {
    auto file = fs->open(path).value();
    std::vector<std::byte> expected(file->size());
    REQUIRE(file->read(0, expected));
    Pages pages(whole_pages(file->size()));
    REQUIRE(fs::read_into(*file, pages.bytes()));
    CHECK(std::ranges::equal(pages.bytes().first(file->size()), expected));
    Pages buffer(3 * 65536);
    fs::FileStream stream(*file, buffer.bytes(), 65536);
    std::vector<std::byte> all;
    for (auto bytes = stream.next(); bytes && !bytes->empty(); bytes = stream.next())
      all.insert(all.end(), bytes->begin(), bytes->end());
    CHECK(all == expected);
  }
}
