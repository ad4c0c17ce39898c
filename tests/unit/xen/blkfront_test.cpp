#include "base/bulk_read.hpp"
#include "disk_scene.hpp"
#include "xen/quarantine.hpp"

#include <algorithm>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

bool same(MutBytes got, const FakeDisk& disk, std::size_t offset) {
  return std::equal(got.begin(), got.end(), disk.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

constexpr int most_pumps = 1000;

BlockStatus finish(BlkFront& disk, Probe& probe) {
  for (int i = 0; i < most_pumps && probe.completions == 0; ++i)
    disk.pump(seconds(1));
  REQUIRE(probe.completions == 1);
  return probe.request.status;
}

BlockStatus run(BlkFront& disk, Probe& probe) {
  REQUIRE(*disk.submit(probe.request));
  return finish(disk, probe);
}

} // namespace

TEST_CASE("a disk is read in order, in any number of pieces, with and without indirect requests and large rings") {
  const FakeDisk::Shape shape =
      GENERATE(FakeDisk::Shape{.size = 5 << 20}, FakeDisk::Shape{.size = 5 << 20, .max_ring_order = 4},
               FakeDisk::Shape{.size = 5 << 20, .indirect_segments = 32},
               FakeDisk::Shape{.size = 5 << 20, .indirect_segments = 256, .max_ring_order = 1});
  OneDisk s(shape);
  s.backend.backwards = GENERATE(false, true);
  CHECK(s.disk.geometry().size == shape.size);
  CHECK(s.disk.geometry().block_size == 512);
  Pages memory(shape.size);
  REQUIRE(BulkRead(s.disk).read(0, memory.all()));
  CHECK(same(memory.all(), s.backend, 0));
  CHECK(s.backend.most_pages_seen == std::max(11u, std::min(256u, shape.indirect_segments)));
  CHECK(s.backend.deepest_queue > 4);
  s.disks.close();
  CHECK(s.xen.grants_in_use() == 0);
}

TEST_CASE("segments of any alignment of 512 arrive where they should, and nothing around them is touched") {
  OneDisk s(FakeDisk::Shape{.indirect_segments = 64});
  Pages memory(1 << 20);
  Probe probe(BlockOp::read, 1536, {memory.at(512, 512), memory.at(7680, 8192), memory.at(65536, 512 * 300)});
  CHECK(run(s.disk, probe) == BlockStatus::ok);
  CHECK(same(probe.segments[0], s.backend, 1536));
  CHECK(same(probe.segments[1], s.backend, 2048));
  CHECK(same(probe.segments[2], s.backend, 2048 + 8192));
  std::size_t touched = 0;
  for (const std::byte b : memory.all())
    touched += b != std::byte{0xee};
  CHECK(touched <= 512 + 8192 + 512 * 300);
  CHECK(memory.at(1024, 1)[0] == std::byte{0xee});
  CHECK(memory.at(511, 1)[0] == std::byte{0xee});
}

TEST_CASE("writes and flushes reach the disk; the backend may only read what is written") {
  OneDisk s(FakeDisk::Shape{.flush = true});
  Pages memory(65536);
  Probe write(BlockOp::write, 4096, {memory.all()});
  CHECK(run(s.disk, write) == BlockStatus::ok);
  CHECK(same(memory.all(), s.backend, 4096));
  Probe flush(BlockOp::flush, 0, {});
  CHECK(run(s.disk, flush) == BlockStatus::ok);
  CHECK(s.backend.operations.back() == BLKIF_OP_FLUSH_DISKCACHE);
}

TEST_CASE("the page that lists an indirect request's pages shows nothing else") {
  OneDisk s(FakeDisk::Shape{.indirect_segments = 64});
  Pages memory(20 * page_size);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, probe) == BlockStatus::ok);
  REQUIRE(s.backend.last_list.size() == page_size);
  CHECK(std::all_of(s.backend.last_list.begin() + 20 * sizeof(blkif_request_segment), s.backend.last_list.end(),
                    [](std::byte b) { return b == std::byte{}; }));
}

TEST_CASE("a flush of a disk without a cache is done at once") {
  OneDisk s;
  Probe flush(BlockOp::flush, 0, {});
  CHECK(run(s.disk, flush) == BlockStatus::ok);
}

TEST_CASE("a read-only disk and a CD refuse writes") {
  DiskScene s;
  const bool cd = GENERATE(false, true);
  FakeDisk& backend = s.add(xvda, {.read_only = !cd});
  if (cd)
    s.store.values[backend.frontend() + "/device-type"] = "cdrom";
  BlkFront& disk = s.connect_one();
  CHECK(disk.node().cdrom == cd);
  CHECK(!disk.geometry().writable);
  Pages memory(4096);
  Probe probe(BlockOp::write, 0, {memory.all()});
  CHECK(disk.submit(probe.request).error().code() == Code::denied);
}

TEST_CASE("an error is that request's own; others go on") {
  OneDisk s;
  s.backend.fault = [](std::uint64_t sector) {
    return static_cast<std::int16_t>(sector == 8 ? BLKIF_RSP_ERROR : sector == 16 ? BLKIF_RSP_EOPNOTSUPP : 0);
  };
  Pages memory(3 * 4096);
  Probe good(BlockOp::read, 0, {memory.at(0, 4096)});
  Probe bad(BlockOp::read, 4096, {memory.at(4096, 4096)});
  Probe unknown(BlockOp::read, 8192, {memory.at(8192, 4096)});
  for (Probe* probe : {&good, &bad, &unknown})
    REQUIRE(*s.disk.submit(probe->request));
  CHECK(finish(s.disk, good) == BlockStatus::ok);
  CHECK(finish(s.disk, bad) == BlockStatus::io_error);
  CHECK(finish(s.disk, unknown) == BlockStatus::unsupported);
  CHECK(!bad.request.quarantined);
  CHECK(s.disk.connected());
}

TEST_CASE("an error in the middle of a split request ends it once, with all its pieces back") {
  OneDisk s;
  s.backend.fault = [](std::uint64_t sector) { return static_cast<std::int16_t>(sector >= 88 ? BLKIF_RSP_ERROR : 0); };
  Pages memory(512 * 1024);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, probe) == BlockStatus::io_error);
  for (int i = 0; i < 5; ++i)
    s.disk.pump({});
  CHECK(probe.completions == 1);
  s.backend.fault = {};
  Probe next(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, next) == BlockStatus::ok);
  CHECK(same(memory.all(), s.backend, 0));
}

TEST_CASE("the queue says when it is full") {
  OneDisk s;
  s.backend.frozen = true;
  Pages memory(4096);
  std::vector<std::unique_ptr<Probe>> probes;
  bool taken = true;
  while (taken) {
    probes.push_back(std::make_unique<Probe>(BlockOp::read, 0, std::vector{memory.all()}));
    taken = *s.disk.submit(probes.back()->request);
    REQUIRE(probes.size() < 1000);
  }
  CHECK(probes.size() == s.disk.geometry().queue_depth + 1);
  s.backend.frozen = false;
  s.disk.pump(seconds(1));
  CHECK(run(s.disk, *probes.back()) == BlockStatus::ok);
}

TEST_CASE("a completion may submit the next request") {
  OneDisk s;
  struct Chain {
    BlkFront& disk;
    Pages memory{4096};
    MutBytes segment = memory.all();
    BlockRequest request;
    int left = 50;
  } chain{.disk = s.disk, .request = {}};
  chain.request.segments = std::span(&chain.segment, 1);
  chain.request.context = &chain;
  chain.request.on_complete = [](BlockRequest& r) {
    Chain& c = *static_cast<Chain*>(r.context);
    if (--c.left != 0)
      REQUIRE(*c.disk.submit(r));
  };
  REQUIRE(*s.disk.submit(chain.request));
  for (int i = 0; i < 200 && chain.left != 0; ++i)
    s.disk.pump(seconds(1));
  CHECK(chain.left == 0);
  CHECK(s.backend.operations.size() == 50);
}

TEST_CASE("a full grant table makes requests wait, not fail") {
  OneDisk s(FakeDisk::Shape{.size = 4 << 20, .indirect_segments = 256});
  s.leave_grants(20);
  Pages memory(4 << 20);
  REQUIRE(BulkRead(s.disk).read(0, memory.all()));
  CHECK(same(memory.all(), s.backend, 0));
}

TEST_CASE("a buffer that no frame is known of fails its request only") {
  OneDisk s;
  Pages memory(8192);
  s.xen.frames.forbidden = memory.at(4096, 1).data();
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, probe) == BlockStatus::io_error);
  Probe next(BlockOp::read, 0, {memory.at(0, 4096)});
  CHECK(run(s.disk, next) == BlockStatus::ok);
}

TEST_CASE("a backend that does not answer: the request times out, its references are not used again") {
  // Pages that it has mapped are quarantined; others nobody can map any more.
  const bool mapped = GENERATE(false, true);
  OneDisk s;
  s.disk.set_request_limit(seconds(5));
  s.backend.frozen = true;
  const std::size_t free_before = s.xen.grants.free_entries();
  Pages memory(8192);
  Probe probe(BlockOp::read, 0, {memory.all()});
  const Instant start = s.xen.clock.now();
  REQUIRE(*s.disk.submit(probe.request));
  if (mapped)
    for (grant_entry_v1_t& entry : s.xen.entries)
      if (entry.flags == GTF_permit_access)
        entry.flags |= GTF_reading | GTF_writing;
  CHECK(finish(s.disk, probe) == BlockStatus::timed_out);
  CHECK(s.xen.clock.now() - start < seconds(8));
  CHECK(probe.request.quarantined == mapped);
  CHECK(s.xen.grants.free_entries() == free_before - 2);
  CHECK(!s.disk.connected());
  CHECK(s.disk.submit(probe.request).error().code() == Code::gone);
}

TEST_CASE("a backend that closes itself is found out before the request's own limit") {
  OneDisk s;
  s.backend.die = true;
  Pages memory(4096);
  Probe probe(BlockOp::read, 0, {memory.all()});
  const Instant start = s.xen.clock.now();
  CHECK(run(s.disk, probe) == BlockStatus::gone);
  CHECK(s.xen.clock.now() - start < seconds(10));
}

TEST_CASE("hostile answers make the device gone, complete everything once, and crash nothing") {
  using Damage = void (*)(FakeDisk&);
  const Damage damages[] = {
      [](FakeDisk& d) { d.tamper = [](blkif_response_t& r) { r.id = 99999; }; },
      [](FakeDisk& d) { d.tamper = [](blkif_response_t& r) { r.id = ~0ull; }; },
      [](FakeDisk& d) { d.tamper = [](blkif_response_t& r) { r.id = 0; }; }, // the same one again and again
      [](FakeDisk& d) { d.tamper = [](blkif_response_t& r) { r.operation = BLKIF_OP_DISCARD; }; },
      [](FakeDisk& d) { d.claim_more = 1; },
      [](FakeDisk& d) { d.claim_more = 0x80000000; },
      [](FakeDisk& d) { d.claim_more = ~0u; },
      [](FakeDisk& d) { d.hold_grants = true; },
  };
  for (const Damage damage : damages) {
    OneDisk s;
    s.disk.set_request_limit(seconds(5));
    damage(s.backend);
    Pages memory(4 * 4096);
    std::vector<std::unique_ptr<Probe>> probes;
    for (std::size_t i = 0; i < 4; ++i) {
      probes.push_back(std::make_unique<Probe>(BlockOp::read, i * 4096, std::vector{memory.at(i * 4096, 4096)}));
      REQUIRE(*s.disk.submit(probes.back()->request));
    }
    for (int i = 0; i < 100; ++i)
      s.disk.pump(seconds(1));
    for (const auto& probe : probes)
      CHECK(probe->completions == 1);
    CHECK(!s.disk.connected());
    CHECK(std::ranges::any_of(probes, [](const auto& p) { return p->request.status != BlockStatus::ok; }));
  }
}

TEST_CASE("pages that a backend keeps after its answer are quarantined") {
  OneDisk s;
  s.backend.hold_grants = true;
  Pages memory(4096);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, probe) == BlockStatus::gone);
  CHECK(probe.request.quarantined);
}

TEST_CASE("a request whose first piece failed still says that the device went away with its pages") {
  OneDisk s;
  s.backend.fault = [](std::uint64_t sector) { return static_cast<std::int16_t>(sector == 0 ? BLKIF_RSP_ERROR : 0); };
  // The pieces after it are mapped and never answered: the second answer names no request.
  s.backend.hold_grants = true;
  s.backend.tamper = [](blkif_response_t& r) { r.id = r.status == BLKIF_RSP_OKAY ? 99999 : r.id; };
  Pages memory(30 * page_size);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(s.disk, probe) == BlockStatus::gone);
  CHECK(probe.request.quarantined);
}

TEST_CASE("a page of the loader's own that a backend keeps is never used again") {
  DiskScene s;
  // It is read into while the disk connects: how are its sectors counted?
  s.add(xvda, {.sector_size = 4096, .unit = 4096}).hold_grants = true;
  const std::size_t before = quarantined_bytes();
  REQUIRE(s.disks.connect());
  CHECK(s.disks.connected().empty());
  REQUIRE(s.disks.failures().size() == 1);
  CHECK(s.disks.failures()[0].why.code() == Code::gone);
  CHECK(quarantined_bytes() - before == page_size);
}

TEST_CASE("disks of 4K blocks: sector numbers that count 512 bytes, or blocks, are told apart") {
  const unsigned unit = GENERATE(512u, 4096u);
  DiskScene s;
  FakeDisk& backend = s.add(xvda, {.size = 8 << 20, .sector_size = 4096, .unit = unit, .indirect_segments = 256});
  // A block that is full of the pattern the probe uses must not be taken for memory that was not filled.
  std::fill_n(backend.bytes.begin() + 4096, 4096, std::byte{0xa5});
  BlkFront& disk = s.connect_one();
  CHECK(disk.geometry().block_size == 4096);
  CHECK(disk.geometry().size == 8 << 20);
  Pages memory(1 << 20);
  REQUIRE(BulkRead(disk).read(4 << 20, memory.all()));
  CHECK(same(memory.all(), backend, 4 << 20));
  // Blocks that the memory's pages cut in two.
  Probe shifted(BlockOp::read, 8192, {memory.at(512, 4096 * 3)});
  CHECK(run(disk, shifted) == BlockStatus::ok);
  CHECK(same(shifted.segments[0], backend, 8192));
  Probe write(BlockOp::write, 65536, {memory.at(1536, 8192)});
  CHECK(run(disk, write) == BlockStatus::ok);
  CHECK(same(write.segments[0], backend, 65536));
}
