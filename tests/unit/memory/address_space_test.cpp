// Windows and free frames, on the model of Xen.
#include "tests/model/domain.hpp"
#include "tests/model/installed.hpp"
#include "xen/memory/address_space.hpp"
#include "xen/memory/touch.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace pvboot;
using xen::AddressSpace;
using xen::FrameRange;
using xen::Purpose;
using xen::Use;
using xen::Window;

namespace {

struct Bench {
  explicit Bench(const model::DomainSpec& spec) : domain(spec), installed(domain.xen()) {
    auto adopted = AddressSpace::adopt(domain.start_info(), spec.base);
    REQUIRE(adopted);
    memory = std::move(*adopted);
  }
  model::Domain domain;
  model::Installed installed;
  std::unique_ptr<AddressSpace> memory;
};

model::DomainSpec spec_of(std::uint64_t pages) {
  model::DomainSpec spec;
  spec.nr_pages = pages;
  spec.order = 4099;
  return spec;
}

void write_all(const Window& window, std::uint64_t value) {
  for (std::uint64_t i = 0; i < window.pages; ++i)
    xen::poke<std::uint64_t>(window.address + (i << page_shift)) = value + i;
}
bool holds(const Window& window, std::uint64_t value) {
  for (std::uint64_t i = 0; i < window.pages; ++i)
    if (xen::peek<std::uint64_t>(window.address + (i << page_shift)) != value + i)
      return false;
  return true;
}

std::uint64_t in_use(const AddressSpace& memory, Use use) {
  std::uint64_t frames = 0;
  for (const FrameRange& r : memory.frames().ledger().all(use))
    frames += r.count;
  return frames;
}

} // namespace

TEST_CASE("Start-up finds region, tables, rings, P2M and module, with or without a P2M of its own") {
  model::DomainSpec spec = spec_of(5000);
  spec.own_p2m = GENERATE(true, false);
  spec.module_bytes = 20000;
  Bench bench(spec);
  CHECK(bench.memory->region().count == bench.domain.region_pages());
  CHECK(in_use(*bench.memory, Use::special) == 2);
  CHECK(in_use(*bench.memory, Use::module) == 5);
  CHECK(in_use(*bench.memory, Use::p2m) >= 10);
  for (const std::uint64_t page : {0, 1, 300, 599})
    CHECK(bench.memory->frame_at(bench.domain.address(Pfn{page})) == bench.domain.frame(Pfn{page}));
  CHECK_FALSE(bench.memory->frame_at(bench.domain.address(bench.domain.guard_page())));
  CHECK_FALSE(bench.memory->frame_at(GuestVirt{0x123456789000}));
}

TEST_CASE("Start-up does not look at memory that it does not use") {
  std::uint64_t calls[2] = {};
  for (const std::size_t i : {0, 1}) {
    Bench bench(spec_of(i == 0 ? 20000 : 300000000)); // 1.1 TiB
    const auto window = bench.memory->map_new(5000);
    REQUIRE(window);
    write_all(*window, 5);
    CHECK(holds(*window, 5));
    calls[i] = bench.domain.xen().calls(__HYPERVISOR_mmu_update);
  }
  CHECK(calls[0] == calls[1]);
}

TEST_CASE("Windows have frames of their own until they are released") {
  Bench bench(spec_of(20000));
  std::vector<Window> windows;
  for (const std::uint64_t pages : {1, 511, 512, 513, 3000}) {
    auto window = bench.memory->map_new(pages);
    REQUIRE(window);
    CHECK(window->pages == pages);
    write_all(*window, pages << 32);
    windows.push_back(*window);
  }
  std::set<std::uint64_t> frames;
  for (const Window& window : windows) {
    CHECK(holds(window, window.pages << 32));
    for (std::uint64_t i = 0; i < window.pages; ++i)
      CHECK(frames.insert(bench.memory->frame_at(window.address + (i << page_shift))->value).second);
  }
  CHECK(bench.memory->account(Purpose::work).now == 4537);
  for (const Window& window : windows)
    REQUIRE(bench.memory->release(window));
  CHECK(bench.memory->account(Purpose::work).now == 0);
  CHECK(bench.memory->account(Purpose::work).peak == 4537);
  CHECK(in_use(*bench.memory, Use::window) == 0);
  CHECK_THROWS_AS(xen::peek<std::uint64_t>(windows[3].address), model::Fault);
}

TEST_CASE("Mapping and releasing for ever uses up nothing") {
  Bench bench(spec_of(6000));
  REQUIRE(bench.memory->release(*bench.memory->map_new(1500)));
  const std::uint64_t tables = in_use(*bench.memory, Use::table);
  for (int i = 0; i < 200; ++i) {
    const auto window = bench.memory->map_new(1 + static_cast<std::uint64_t>(i) * 7);
    REQUIRE(window);
    REQUIRE(bench.memory->release(*window));
  }
  CHECK(in_use(*bench.memory, Use::table) == tables);
}

TEST_CASE("A released window can be wiped") {
  Bench bench(spec_of(6000));
  const auto window = bench.memory->map_new(3);
  REQUIRE(window);
  write_all(*window, 0x1111);
  const Mfn frame = *bench.memory->frame_at(window->address + page_size);
  REQUIRE(bench.memory->release(*window, AddressSpace::Leave::wiped));
  CHECK(bench.domain.machine().page(frame) == model::Page{});
}

TEST_CASE("When memory is used up a window is refused and nothing is lost") {
  Bench bench(spec_of(6000));
  const auto all = bench.memory->map_new(6000);
  REQUIRE_FALSE(all);
  CHECK(all.error().code() == Code::out_of_memory);
  CHECK(in_use(*bench.memory, Use::window) == 0);
  CHECK(bench.memory->map_new(2000));
}

TEST_CASE("A window larger than the first tables can map brings its own") {
  Bench bench(spec_of(200000));
  const auto window = bench.memory->map_new(150000); // 293 tables, and 120 pages of padding
  REQUIRE(window);
  xen::poke<std::uint64_t>(window->address + (149999 << page_shift)) = 9;
  CHECK(xen::peek<std::uint64_t>(window->address + (149999 << page_shift)) == 9);
  REQUIRE(bench.memory->release(*window));
}

TEST_CASE("map_near takes the names it is asked for where they are free, others where not") {
  model::DomainSpec spec = spec_of(9000);
  spec.holes = {4010};
  Bench bench(spec);
  const FrameRange names{Pfn{bench.domain.region_pages() - 50}, 4020 - bench.domain.region_pages() + 50};
  const auto window = bench.memory->map_near(names, Purpose::target);
  REQUIRE(window);
  std::uint64_t at_home = 0;
  for (std::uint64_t i = 0; i < window->pages; ++i) {
    const Mfn frame = *bench.memory->frame_at(window->address + (i << page_shift));
    at_home += bench.memory->frames().pfn_of(frame) == names.first + i;
  }
  // Not the 50 pages of our region, not our P2M behind it, not the hole.
  const std::uint64_t p2m = bench.domain.raw().nr_p2m_frames;
  CHECK(at_home == names.count - 50 - p2m - 1);
  write_all(*window, 3);
  CHECK(holds(*window, 3));
  REQUIRE(bench.memory->release(*window));
  CHECK(in_use(*bench.memory, Use::window) == 0);
}

TEST_CASE("A claimed name has a frame that nobody uses; what was there is somewhere else") {
  model::DomainSpec spec = spec_of(9000);
  Bench bench(spec);
  const FrameRange names{Pfn{100}, 1000};
  const FrameRange rooms[] = {{Pfn{5000}, 4000}};
  const Mfn before = bench.domain.frame(Pfn{200});
  REQUIRE(bench.memory->claim(names, rooms));
  CHECK(in_use(*bench.memory, Use::target) == 1000);
  for (std::uint64_t i = 0; i < names.count; ++i)
    CHECK(bench.domain.xen().state(bench.memory->frames().mfn_of(names.first + i)).count == 0);
  CHECK(bench.memory->frame_at(bench.domain.address(Pfn{200})) == before);
  REQUIRE(bench.memory->frames().pfn_of(before));
  CHECK(bench.memory->frames().pfn_of(before)->value >= 5000);

  const auto window = bench.memory->map_names(names);
  REQUIRE(window);
  write_all(*window, 1);
  REQUIRE(bench.memory->release(*window));
  CHECK(in_use(*bench.memory, Use::target) == 1000);
  bench.memory->give_up_claims();
  CHECK(in_use(*bench.memory, Use::target) == 0);
}

TEST_CASE("A claim without room outside is refused") {
  Bench bench(spec_of(9000));
  const FrameRange rooms[] = {{Pfn{8990}, 10}};
  const auto claim = bench.memory->claim({Pfn{0}, 500}, rooms);
  REQUIRE_FALSE(claim);
  CHECK(claim.error().code() == Code::out_of_memory);
}

TEST_CASE("A quarantined frame is never given to anybody") {
  Bench bench(spec_of(6000));
  const auto window = bench.memory->map_new(4);
  REQUIRE(window);
  const GuestVirt bad = window->address + 2 * page_size;
  const Mfn frame = *bench.memory->frame_at(bad);
  REQUIRE(bench.memory->quarantine(reinterpret_cast<const void*>(bad.value)));
  REQUIRE(bench.memory->release(*window));
  CHECK(in_use(*bench.memory, Use::stuck) == 1);
  const auto again = bench.memory->map_new(2000);
  REQUIRE(again);
  for (std::uint64_t i = 0; i < again->pages; ++i)
    CHECK(bench.memory->frame_at(again->address + (i << page_shift)) != frame);
}

TEST_CASE("Single frames of the machine are mapped and unmapped") {
  Bench bench(spec_of(6000));
  const Mfn foreign{bench.domain.raw().shared_info >> page_shift};
  const auto at = bench.memory->map_machine(address_of(foreign));
  REQUIRE(at);
  xen::poke<std::uint64_t>(*at) = 7;
  CHECK(bench.domain.machine().word(foreign, 0) == 7);
  REQUIRE(bench.memory->unmap_machine(*at));
  CHECK_FALSE(bench.memory->frame_at(*at));
  const auto read_only = bench.memory->map_machine(address_of(foreign), false);
  REQUIRE(read_only);
  CHECK_THROWS_AS(xen::poke<std::uint64_t>(*read_only) = 1, model::Fault);
}

TEST_CASE("Tables that others made are found when they are needed") {
  Bench bench(spec_of(6000));
  const xen::StartInfo::P2mFrames p2m = bench.domain.start_info().p2m.value();
  CHECK_FALSE(bench.memory->frame_at(bench.domain.start_info().mfn_list));
  std::vector<Mfn> frames = *bench.memory->p2m_list_frames();
  CHECK(frames.size() == 12);
  const std::vector<Mfn> tables = *bench.memory->p2m_table_frames();
  frames.insert(frames.end(), tables.begin(), tables.end());
  REQUIRE(frames.size() == p2m.count);
  for (std::uint64_t i = 0; i < p2m.count; ++i)
    CHECK(frames[i] == bench.domain.frame(p2m.first + i));
}

TEST_CASE("A start_info that contradicts the page tables is refused") {
  model::Domain domain(spec_of(6000));
  const model::Installed installed(domain.xen());
  xen::StartInfo start = domain.start_info();
  SECTION("page tables outside the region") { start.pt_base = GuestVirt{0x5000}; }
  SECTION("page tables past the end of memory") { start.nr_pt_frames = 6000; }
  SECTION("a P2M that is nowhere") { start.p2m.reset(); }
  SECTION("a ring page that has no name") { start.store->frame = Mfn{5}; }
  SECTION("a module outside memory") {
    start.module = xen::StartInfo::Module{.by_pfn = true, .start = {}, .first = Pfn{5999}, .size = 9000};
  }
  const auto memory = AddressSpace::adopt(start, domain.spec().base);
  REQUIRE_FALSE(memory);
  CHECK(memory.error().code() == Code::corrupt);
}

TEST_CASE("A guest that has all its frames pays one hypercall to know it") {
  Bench bench(spec_of(200000));
  const model::Xen::Effort before = bench.domain.xen().effort();
  CHECK(bench.memory->gather_holes() == 0);
  CHECK(bench.domain.xen().effort().calls == before.calls + 1);
  CHECK(bench.memory->usable_pages() == 200000);
}

TEST_CASE("Holes go to the end of the list, and what had the names there keeps its frames") {
  model::DomainSpec spec = spec_of(6000);
  for (std::uint64_t hole = 3500; hole < 5990; hole += 7)
    spec.holes.insert(hole);
  spec.holes.insert({5991, 5992, 5993});
  Bench bench(spec);
  const auto window = bench.memory->map_new(900); // from the highest names
  REQUIRE(window);
  write_all(*window, 17);
  REQUIRE(bench.memory->gather_holes() == bench.domain.spec().holes.size());
  const std::uint64_t usable = bench.memory->usable_pages();
  CHECK(usable == 6000 - bench.domain.spec().holes.size());
  std::uint64_t misplaced = 0;
  for (std::uint64_t name = 0; name < 6000; ++name)
    misplaced += bench.memory->frames().is_hole(Pfn{name}) != (name >= usable);
  CHECK(misplaced == 0);
  CHECK(in_use(*bench.memory, Use::hole) == 6000 - usable);
  CHECK(holds(*window, 17));
  REQUIRE(bench.memory->release(*window));
  CHECK(in_use(*bench.memory, Use::window) == 0);
  REQUIRE(bench.memory->gather_holes() == 6000 - usable); // once more changes nothing
  CHECK(bench.memory->usable_pages() == usable);
}

TEST_CASE("While the module is known by its names, no frame changes its own") {
  model::DomainSpec spec = spec_of(6000);
  spec.module_bytes = 5000;
  spec.holes = {5000};
  Bench bench(spec);
  CHECK_FALSE(bench.memory->gather_holes());
  bench.memory->release_module();
  CHECK(bench.memory->gather_holes() == 1);
}
