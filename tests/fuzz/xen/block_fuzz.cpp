// Disks over backends that do what the input says: whatever that is, each request that was taken ends once and in its
// time, nothing that a backend may still touch is used again, and closing ends in its time with everything taken back
// that can be.
#include "hostile_backend.hpp"
#include "xen/block/disks.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

constexpr unsigned most_steps = 40;
constexpr unsigned most_chained = 3;
constexpr Duration connect_limit = seconds(7), close_limit = seconds(7), request_limit = seconds(5);
// What a disk may take when its time is over already: the probe of how its sectors are counted, once for each
// pattern, and the last words to the store.
constexpr std::uint64_t overtime = 15;

constexpr std::size_t arena_size = 1024 * page_size;
alignas(page_size) std::byte arena[arena_size];

constexpr std::size_t table_sizes[] = {4096, 10, 12, 24, 80};
const char* const vdevs[] = {"51712", "0", "18446744073709551615", "x", "268435456", "2048"};
constexpr Duration pump_limits[] = {{}, milliseconds(1), seconds(1), seconds(9)};

/// Where a request's bytes lie, from the start of its pages.
struct Piece {
  std::size_t at, size;
};
const std::vector<Piece> shapes[] = {{{0, 4096}},
                                     {{1536, 512}},
                                     {{0, 11 * 4096}},
                                     {{512, 12 * 4096}},
                                     {{512, 512}, {7680, 8192}},
                                     {{0, 64 * 4096}},
                                     {{3584, 20 * 4096}},
                                     {{0, 4096}, {8192, 4096}, {16384, 4096}, {24576, 8192}, {36864, 4096}},
                                     {},
                                     {{0, 0}},
                                     {{100, 512}}};

class Scene;

struct Probe {
  Scene* scene = nullptr;
  BlkFront* disk = nullptr;
  const HostileBackend* backend = nullptr;
  std::vector<MutBytes> segments{};
  Bytes pages{}; ///< nobody else's
  BlockRequest request{};
  bool taken = false;
  int completions = 0;
};

class Scene {
public:
  Scene(Script& script, Script peer, bool races) : script_(script), peer_(peer), watched_(script.one_of(table_sizes)) {
    const unsigned count = 1 + script.byte() % 3;
    for (unsigned i = 0; i < count; ++i)
      backends_.push_back(std::make_unique<HostileBackend>(watched_, store_, peer_, 51712 + 16 * i));
    well_described_ = count;
    if (script.byte() % 8 == 1)
      describe_wrongly(backends_.back()->frontend());
    const bool hostile_at_once = script.flag();
    races_ = races;
    if (hostile_at_once)
      let_loose();
    else
      watched_.at_hypercall = [this] { std::ranges::for_each(backends_, [](const auto& b) { b->be_honest(); }); };
  }
  ~Scene() { give_lost_pages_back(); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  void run() {
    connect();
    let_loose();
    for (unsigned i = 0; i < most_steps && !script_.ended(); ++i)
      step(script_.byte());
    if (script_.flag())
      close();
    watched_.begin({}, seconds(overtime * backends_.size()));
    disks_.reset();
    check_closed();
    for (const auto& backend : backends_) {
      backend->check_held();
      backend->write_everywhere();
    }
  }

  void completed(Probe& probe) {
    const BlockRequest& request = probe.request;
    require(probe.taken && ++probe.completions == 1);
    if (request.quarantined)
      require(request.status == BlockStatus::timed_out || request.status == BlockStatus::gone);
    else
      require(!is_granted(probe.pages));
    if (request.op == BlockOp::read && request.status == BlockStatus::ok && probe.backend->honest())
      check_data(probe);
    if (chained_ < most_chained && script_.byte() % 8 == 1) {
      ++chained_;
      submit(*probe.disk);
    }
  }

private:
  void let_loose() {
    watched_.at_hypercall = [this] { std::ranges::for_each(backends_, [](const auto& b) { b->act(); }); };
    if (races_)
      watched_.at_look = [this] { std::ranges::for_each(backends_, [](const auto& b) { b->race(); }); };
  }

  void describe_wrongly(const std::string& frontend) {
    --well_described_;
    if (script_.flag())
      store_.values[frontend + "/virtual-device"] = script_.one_of(vdevs);
    else
      store_.values[frontend + "/backend-id"] = script_.flag() ? "7" : "32752";
  }

  void step(std::uint8_t what) {
    const auto& disks = disks_->connected();
    switch (what % 8) {
    case 4:
      watched_.begin(pump_limits[3]);
      if (!disks.empty())
        disks[script_.byte() % disks.size()]->pump(script_.one_of(pump_limits));
      break;
    case 5: drain(); break;
    case 6: close(); break;
    case 7: connect(); break;
    default:
      watched_.begin({});
      if (!disks.empty())
        submit(*disks[script_.byte() % disks.size()]);
      break;
    }
  }

  void connect() {
    watched_.begin({2 * connect_limit.nanoseconds}, seconds(2 * overtime * backends_.size()));
    require(disks_->connect(connect_limit).has_value());
    for (const auto& disk : disks_->connected()) {
      const BlockGeometry shape = disk->geometry();
      require(shape.block_size >= 512 && shape.block_size <= page_size && shape.size % shape.block_size == 0);
      disk->set_request_limit(request_limit);
    }
  }

  void close() {
    watched_.begin(close_limit, seconds(overtime * backends_.size()));
    disks_->close(close_limit);
    require(disks_->connected().empty());
    check_closed();
  }

  void submit(BlkFront& disk) {
    const auto backend = std::ranges::find(backends_, disk.node().frontend, &HostileBackend::frontend);
    Probe& probe = *probes_.emplace_back(std::make_unique<Probe>());
    probe.scene = this;
    probe.disk = &disk;
    probe.backend = backend->get();
    std::size_t total = 0, end = 0;
    const auto& shape = script_.one_of(shapes);
    for (const auto& [at, size] : shape) {
      end = std::max(end, at + size);
      total += size;
    }
    const std::size_t taken_pages = pages_for(end) << page_shift;
    if (taken_pages > arena_size - arena_used_)
      return;
    probe.pages = Bytes(arena + arena_used_, taken_pages);
    for (const auto& [at, size] : shape)
      probe.segments.emplace_back(arena + arena_used_ + at, size);
    arena_used_ += taken_pages;
    constexpr BlockOp ops[] = {BlockOp::read, BlockOp::read, BlockOp::write, BlockOp::flush};
    probe.request.op = script_.one_of(ops);
    probe.request.offset = choose_offset(disk.geometry(), total);
    if (probe.request.op != BlockOp::flush)
      probe.request.segments = probe.segments;
    probe.request.context = &probe;
    probe.request.on_complete = [](BlockRequest& r) {
      auto& its_probe = *static_cast<Probe*>(r.context);
      its_probe.scene->completed(its_probe);
    };
    // No completion before submit() has returned.
    const auto taken = disk.submit(probe.request);
    probe.taken = taken && *taken;
  }

  std::uint64_t choose_offset(const BlockGeometry& disk, std::uint64_t total) {
    switch (script_.byte() % 6) {
    case 0: return 0;
    case 1: return disk.block_size;
    case 2: return script_.byte() * std::uint64_t{disk.block_size};
    case 3: return disk.size - total;
    case 4: return disk.size;
    default: return script_.number<std::uint64_t>();
    }
  }

  void drain() {
    watched_.begin({request_limit.nanoseconds * (1 + most_chained)}, seconds(5));
    while (std::ranges::any_of(probes_, [](const auto& p) { return p->taken && p->completions == 0; }))
      for (const auto& disk : disks_->connected())
        disk->pump(milliseconds(100));
  }

  // Whether anybody may map one of these pages.
  bool is_granted(Bytes pages) const {
    return std::ranges::any_of(watched_.xen.entries, [&](const grant_entry_v1_t& entry) {
      const std::byte* page = entry.flags == 0 ? nullptr : watched_.xen.frames.page_of(entry.frame);
      return page >= pages.data() && page < pages.data() + pages.size();
    });
  }

  bool is_quarantined(const std::byte* page) const {
    return is_lost(page) || std::ranges::any_of(probes_, [&](const auto& probe) {
             return probe->request.quarantined && page >= probe->pages.data() &&
                    page < probe->pages.data() + probe->pages.size();
           });
  }

  static void check_data(const Probe& probe) {
    std::uint64_t offset = probe.request.offset;
    for (const MutBytes segment : probe.segments)
      for (std::size_t at = 0; at < segment.size(); at += 512, offset += 512) {
        const std::uint64_t mark = HostileBackend::mark_of(offset);
        require(std::memcmp(segment.data() + at, &mark, sizeof mark) == 0);
      }
  }

  void check_closed() {
    for (const auto& probe : probes_)
      require(probe->completions == (probe->taken ? 1 : 0));
    require(watched_.xen.ports_open() == 0);
    for (const grant_entry_v1_t& entry : watched_.xen.entries)
      require(entry.flags == 0 || is_quarantined(watched_.xen.frames.page_of(entry.frame)));
    // One that is described wrongly is not looked at.
    for (std::size_t i = 0; i < well_described_; ++i) {
      const std::string directory = backends_[i]->frontend();
      require(store_.get(directory + "/state") == "1");
      require(!store_.has(directory + "/event-channel") && !store_.has(directory + "/ring-ref"));
    }
  }

  Script& script_;
  Script peer_;
  WatchedXen watched_;
  FakeStore store_{watched_.xen};
  XenStore client_{store_.ring, FakeStore::port, watched_.xen.events, watched_.xen.clock};
  std::vector<std::unique_ptr<HostileBackend>> backends_;
  std::vector<std::unique_ptr<Probe>> probes_;
  DeviceServices services_{client_, watched_.xen.events, watched_.xen.grants, watched_.xen.frames, watched_.xen.clock};
  std::unique_ptr<Disks> disks_ = std::make_unique<Disks>(services_);
  bool races_ = false;
  std::size_t well_described_ = 0;
  std::size_t arena_used_ = 0;
  unsigned chained_ = 0;
};

} // namespace

// The first byte: how much of the input is the guest's, whether the backends begin again at the end of their part,
// whether they act whenever the guest looks at its clock.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script peer(std::span(data, size));
  const std::uint8_t how = peer.byte();
  Script guest = peer.cut_off(static_cast<std::uint8_t>(32 + (how & 0x3f)));
  if ((how & 0x40) != 0)
    peer.repeat();
  Scene(guest, peer, (how & 0x80) != 0).run();
  return 0;
}
