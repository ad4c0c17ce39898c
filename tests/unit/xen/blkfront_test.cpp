#include "base/bulk_read.hpp"
#include "disk_scene.hpp"

#include <algorithm>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

bool same(MutBytes got, const FakeDisk& disk, std::size_t offset) {
  return std::equal(got.begin(), got.end(), disk.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

BlockStatus run(BlkFront& disk, Probe& probe, int most_pumps = 1000) {
  REQUIRE(*disk.submit(probe.request));
  for (int i = 0; i < most_pumps && probe.completions == 0; ++i)
    disk.pump(seconds(1));
  REQUIRE(probe.completions == 1);
  return probe.request.status;
}

} // namespace

TEST_CASE("a disk is read in order, in any number of pieces, with and without indirect requests and large rings") {
  const FakeDisk::Shape shape =
      GENERATE(FakeDisk::Shape{.size = 5 << 20}, FakeDisk::Shape{.size = 5 << 20, .max_ring_order = 4},
               FakeDisk::Shape{.size = 5 << 20, .indirect_segments = 32},
               FakeDisk::Shape{.size = 5 << 20, .indirect_segments = 256, .max_ring_order = 1});
  DiskScene s;
  FakeDisk& backend = s.add(xvda, shape);
  backend.backwards = GENERATE(false, true);
  BlkFront& disk = s.connect_one();
  CHECK(disk.geometry().size == shape.size);
  CHECK(disk.geometry().block_size == 512);
  Pages memory(shape.size);
  REQUIRE(BulkRead(disk).read(0, memory.all()));
  CHECK(same(memory.all(), backend, 0));
  CHECK(backend.most_pages_seen == std::max(11u, std::min(256u, shape.indirect_segments)));
  CHECK(backend.deepest_queue > 4);
  s.disks.close();
  CHECK(s.xen.grants_in_use() == 0);
}

TEST_CASE("segments of any alignment of 512 arrive where they should, and nothing around them is touched") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda, {.indirect_segments = 64});
  BlkFront& disk = s.connect_one();
  Pages memory(1 << 20);
  Probe probe(BlockOp::read, 1536, {memory.at(512, 512), memory.at(7680, 8192), memory.at(65536, 512 * 300)});
  CHECK(run(disk, probe) == BlockStatus::ok);
  CHECK(same(probe.segments[0], backend, 1536));
  CHECK(same(probe.segments[1], backend, 2048));
  CHECK(same(probe.segments[2], backend, 2048 + 8192));
  std::size_t touched = 0;
  for (const std::byte b : memory.all())
    touched += b != std::byte{0xee};
  CHECK(touched <= 512 + 8192 + 512 * 300);
  CHECK(memory.at(1024, 1)[0] == std::byte{0xee});
  CHECK(memory.at(511, 1)[0] == std::byte{0xee});
}

TEST_CASE("writes and flushes reach the disk; the backend may only read what is written") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda, {.flush = true});
  BlkFront& disk = s.connect_one();
  Pages memory(65536);
  Probe write(BlockOp::write, 4096, {memory.all()});
  CHECK(run(disk, write) == BlockStatus::ok);
  CHECK(same(memory.all(), backend, 4096));
  Probe flush(BlockOp::flush, 0, {});
  CHECK(run(disk, flush) == BlockStatus::ok);
  CHECK(backend.operations.back() == BLKIF_OP_FLUSH_DISKCACHE);
}

TEST_CASE("a flush of a disk without a cache is done at once") {
  DiskScene s;
  s.add(xvda);
  BlkFront& disk = s.connect_one();
  Probe flush(BlockOp::flush, 0, {});
  CHECK(run(disk, flush) == BlockStatus::ok);
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
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  backend.fault = [](std::uint64_t sector) {
    return static_cast<std::int16_t>(sector == 8 ? BLKIF_RSP_ERROR : sector == 16 ? BLKIF_RSP_EOPNOTSUPP : 0);
  };
  BlkFront& disk = s.connect_one();
  Pages memory(3 * 4096);
  Probe good(BlockOp::read, 0, {memory.at(0, 4096)});
  Probe bad(BlockOp::read, 4096, {memory.at(4096, 4096)});
  Probe unknown(BlockOp::read, 8192, {memory.at(8192, 4096)});
  for (Probe* probe : {&good, &bad, &unknown})
    REQUIRE(*disk.submit(probe->request));
  while (good.completions + bad.completions + unknown.completions < 3)
    disk.pump(seconds(1));
  CHECK(good.request.status == BlockStatus::ok);
  CHECK(bad.request.status == BlockStatus::io_error);
  CHECK(unknown.request.status == BlockStatus::unsupported);
  CHECK(!bad.request.quarantined);
  CHECK(disk.connected());
}

TEST_CASE("an error in the middle of a split request ends it once, with all its pieces back") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  backend.fault = [](std::uint64_t sector) { return static_cast<std::int16_t>(sector >= 88 ? BLKIF_RSP_ERROR : 0); };
  BlkFront& disk = s.connect_one();
  Pages memory(512 * 1024);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(disk, probe) == BlockStatus::io_error);
  for (int i = 0; i < 5; ++i)
    disk.pump({});
  CHECK(probe.completions == 1);
  backend.fault = {};
  Probe next(BlockOp::read, 0, {memory.all()});
  CHECK(run(disk, next) == BlockStatus::ok);
  CHECK(same(memory.all(), backend, 0));
}

TEST_CASE("the queue says when it is full") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  backend.frozen = true;
  Pages memory(4096);
  std::vector<std::unique_ptr<Probe>> probes;
  bool taken = true;
  while (taken) {
    probes.push_back(std::make_unique<Probe>(BlockOp::read, 0, std::vector{memory.all()}));
    taken = *disk.submit(probes.back()->request);
    REQUIRE(probes.size() < 1000);
  }
  CHECK(probes.size() == disk.geometry().queue_depth + 1);
  backend.frozen = false;
  disk.pump(seconds(1));
  CHECK(*disk.submit(probes.back()->request));
  while (probes.back()->completions == 0)
    disk.pump(seconds(1));
}

TEST_CASE("a completion may submit the next request") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  struct Chain {
    BlkFront& disk;
    Pages memory{4096};
    MutBytes segment = memory.all();
    BlockRequest request;
    int left = 50;
  } chain{.disk = disk, .request = {}};
  chain.request.segments = std::span(&chain.segment, 1);
  chain.request.context = &chain;
  chain.request.on_complete = [](BlockRequest& r) {
    Chain& c = *static_cast<Chain*>(r.context);
    if (--c.left != 0)
      REQUIRE(*c.disk.submit(r));
  };
  REQUIRE(*disk.submit(chain.request));
  for (int i = 0; i < 200 && chain.left != 0; ++i)
    disk.pump(seconds(1));
  CHECK(chain.left == 0);
  CHECK(backend.operations.size() == 50);
}

TEST_CASE("a full grant table makes requests wait, not fail") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda, {.size = 4 << 20, .indirect_segments = 256});
  BlkFront& disk = s.connect_one();
  std::vector<GrantRef> taken;
  while (s.xen.grants.free_entries() > 20)
    taken.push_back(*s.xen.grants.grant(DomainId{0}, Mfn{1}, GrantAccess::read_only));
  Pages memory(4 << 20);
  REQUIRE(BulkRead(disk).read(0, memory.all()));
  CHECK(same(memory.all(), backend, 0));
}

TEST_CASE("a buffer that no frame is known of fails its request only") {
  DiskScene s;
  s.add(xvda);
  BlkFront& disk = s.connect_one();
  Pages memory(8192);
  s.xen.frames.forbidden = memory.at(4096, 1).data();
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(disk, probe) == BlockStatus::io_error);
  Probe next(BlockOp::read, 0, {memory.at(0, 4096)});
  CHECK(run(disk, next) == BlockStatus::ok);
}

TEST_CASE("a backend that does not answer: the request times out, its references are not used again") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  disk.set_request_limit(seconds(5));
  backend.frozen = true;
  const std::size_t free_before = s.xen.grants.free_entries();
  Pages memory(8192);
  Probe probe(BlockOp::read, 0, {memory.all()});
  const Instant start = s.xen.clock.now();
  CHECK(run(disk, probe) == BlockStatus::timed_out);
  CHECK(s.xen.clock.now() - start < seconds(8));
  CHECK(!probe.request.quarantined); // nobody had mapped the pages, and nobody can any more
  CHECK(s.xen.grants.free_entries() == free_before - 2);
  CHECK(!disk.connected());
  CHECK(disk.submit(probe.request).error().code() == Code::gone);
}

TEST_CASE("a backend that holds pages and does not answer: they are quarantined") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  disk.set_request_limit(seconds(5));
  backend.frozen = true;
  Pages memory(8192);
  Probe probe(BlockOp::read, 0, {memory.all()});
  REQUIRE(*disk.submit(probe.request));
  for (grant_entry_v1_t& entry : s.xen.entries)
    if (entry.flags == GTF_permit_access)
      entry.flags |= GTF_reading | GTF_writing;
  while (probe.completions == 0)
    disk.pump(seconds(1));
  CHECK(probe.request.status == BlockStatus::timed_out);
  CHECK(probe.request.quarantined);
}

TEST_CASE("a backend that closes itself is found out before the request's own limit") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  backend.die = true;
  Pages memory(4096);
  Probe probe(BlockOp::read, 0, {memory.all()});
  const Instant start = s.xen.clock.now();
  CHECK(run(disk, probe) == BlockStatus::gone);
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
    DiskScene s;
    FakeDisk& backend = s.add(xvda);
    BlkFront& disk = s.connect_one();
    disk.set_request_limit(seconds(5));
    damage(backend);
    Pages memory(4 * 4096);
    std::vector<std::unique_ptr<Probe>> probes;
    for (std::size_t i = 0; i < 4; ++i) {
      probes.push_back(std::make_unique<Probe>(BlockOp::read, i * 4096, std::vector{memory.at(i * 4096, 4096)}));
      REQUIRE(*disk.submit(probes.back()->request));
    }
    for (int i = 0; i < 100; ++i)
      disk.pump(seconds(1));
    for (const auto& probe : probes)
      CHECK(probe->completions == 1);
    CHECK(!disk.connected());
    CHECK(std::ranges::any_of(probes, [](const auto& p) { return p->request.status != BlockStatus::ok; }));
  }
}

TEST_CASE("pages that a backend keeps after its answer are quarantined") {
  DiskScene s;
  FakeDisk& backend = s.add(xvda);
  BlkFront& disk = s.connect_one();
  backend.hold_grants = true;
  Pages memory(4096);
  Probe probe(BlockOp::read, 0, {memory.all()});
  CHECK(run(disk, probe) == BlockStatus::gone);
  CHECK(probe.request.quarantined);
}

TEST_CASE("disks of 4K blocks: sector numbers that count 512 bytes, or blocks, are told apart") {
  const unsigned unit = GENERATE(512u, 4096u);
  DiskScene s;
  FakeDisk& backend = s.add(xvda, {.size = 8 << 20, .sector_size = 4096, .unit = unit, .indirect_segments = 256});
  // Memory that is full of the pattern the probe uses must not be taken for an answer.
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
