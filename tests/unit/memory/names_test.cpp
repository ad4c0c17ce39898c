// The ledger of frame names, and the FrameMap: exchanges keep P2M and M2P inverse to one another.
#include "tests/model/domain.hpp"
#include "tests/model/installed.hpp"
#include "xen/memory/frame_map.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace pvboot;
using xen::FrameLedger;
using xen::FrameRange;
using xen::Use;

namespace {

FrameRange range(std::uint64_t first, std::uint64_t count) { return {Pfn{first}, count}; }

// The ledger as a person would keep it: a mark a name.
struct PlainLedger {
  std::vector<Use> marks;

  void set(FrameRange r, Use use) { std::fill_n(marks.begin() + static_cast<long>(r.first.value), r.count, use); }
  void exchange(Pfn a, Pfn b, std::uint64_t count) {
    std::swap_ranges(marks.begin() + static_cast<long>(a.value), marks.begin() + static_cast<long>(a.value + count),
                     marks.begin() + static_cast<long>(b.value));
  }
};

} // namespace

TEST_CASE("The ledger agrees with one mark a name, and stays merged") {
  constexpr std::uint64_t names = 200;
  std::mt19937 random(7);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  FrameLedger ledger(names);
  PlainLedger plain{std::vector<Use>(names, Use::free)};
  for (int step = 0; step < 4000; ++step) {
    const std::uint64_t count = 1 + below(20);
    const Pfn a{below(names - count)}, b{below(names - count)};
    if (below(3) == 0 && !FrameRange{a, count}.overlaps({b, count})) {
      ledger.exchange(a, b, count);
      plain.exchange(a, b, count);
    } else {
      const Use use = static_cast<Use>(below(4));
      ledger.set({a, count}, use);
      plain.set({a, count}, use);
    }
    std::uint64_t differing = 0;
    for (std::uint64_t i = 0; i < names; ++i)
      differing += ledger.use_of(Pfn{i}) != plain.marks[i];
    REQUIRE(differing == 0);
    for (std::size_t i = 1; i < ledger.entries().size(); ++i) {
      const auto& before = ledger.entries()[i - 1];
      const auto& entry = ledger.entries()[i];
      REQUIRE((before.range.end() < entry.range.first || before.use != entry.use));
      REQUIRE(before.range.end() <= entry.range.first);
    }
  }
}

TEST_CASE("The ledger finds the highest free run inside its bounds") {
  FrameLedger ledger(100);
  ledger.set(range(40, 10), Use::loader);
  ledger.set(range(90, 10), Use::table);
  CHECK(ledger.highest_free(5, Pfn{100}) == range(85, 5));
  CHECK(ledger.highest_free(50, Pfn{100}) == range(50, 40));
  CHECK(ledger.highest_free(50, Pfn{45}) == range(0, 40));
  CHECK(ledger.highest_free(50, Pfn{60}, Pfn{55}) == range(55, 5));
  CHECK(ledger.highest_free(1, Pfn{50}, Pfn{40}) == std::nullopt);
  CHECK(ledger.highest_free(8, Pfn{1000}, Pfn{85}) == range(85, 5));
}

namespace {

// P2M and M2P of the domain, through the FrameMap and behind its back.
void expect_bijection(model::Domain& domain, xen::FrameMap& names) {
  std::set<std::uint64_t> seen;
  std::size_t holes = 0, wrong = 0;
  for (std::uint64_t i = 0; i < names.nr_pages(); ++i) {
    if (names.is_hole(Pfn{i})) {
      ++holes;
      continue;
    }
    const Mfn frame = names.mfn_of(Pfn{i});
    wrong += !seen.insert(frame.value).second || domain.xen().name_of(frame) != i;
  }
  REQUIRE(wrong == 0);
  REQUIRE(holes == domain.spec().holes.size());
}

} // namespace

TEST_CASE("Whatever is exchanged and moved, every frame has one name and Xen knows it") {
  model::DomainSpec spec;
  spec.nr_pages = 3000;
  spec.image_pages = 200;
  spec.order = 1237;
  spec.holes = {2500, 2501, 2700};
  model::Domain domain(spec);
  const model::Installed installed(domain.xen());
  xen::FrameMap names(domain.start_info().mfn_list, spec.nr_pages);
  names.ledger().set(range(0, 300), Use::loader);

  std::mt19937 random(11);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int step = 0; step < 300; ++step) {
    const std::uint64_t count = 1 + below(700);
    const Pfn a{below(spec.nr_pages - count)}, b{below(spec.nr_pages - count)};
    std::vector<std::uint64_t> moved;
    for (std::uint64_t i = 0; i < count; ++i)
      moved.push_back(names.is_hole(a + i) ? xen::FrameMap::hole : names.mfn_of(a + i).value);
    REQUIRE(names.move({a, count}, b));
    std::uint64_t lost = 0;
    for (std::uint64_t i = 0; i < count; ++i)
      lost += (names.is_hole(b + i) ? xen::FrameMap::hole : names.mfn_of(b + i).value) != moved[i];
    REQUIRE(lost == 0);
    if (below(4) == 0) {
      const Pfn asked{below(spec.nr_pages)};
      if (!names.is_hole(asked))
        REQUIRE(names.pfn_of(names.mfn_of(asked)) == asked);
    }
  }
  REQUIRE(names.flush());
  expect_bijection(domain, names);
  std::uint64_t loader = 0;
  for (const FrameRange& r : names.ledger().all(Use::loader))
    loader += r.count;
  CHECK(loader == 300);
}

TEST_CASE("Holes are passed over when free frames are looked for, and marked") {
  model::DomainSpec spec;
  spec.nr_pages = 3000;
  spec.image_pages = 200;
  spec.holes = {2999, 2998, 2990};
  model::Domain domain(spec);
  const model::Installed installed(domain.xen());
  xen::FrameMap names(domain.start_info().mfn_list, spec.nr_pages);
  CHECK(names.highest_free(100, Pfn{3000}, Pfn{0}) == range(2991, 7));
  names.ledger().set(range(2991, 7), Use::window);
  CHECK(names.highest_free(3, Pfn{3000}, Pfn{0}) == range(2987, 3));
  CHECK(names.ledger().use_of(Pfn{2990}) == Use::hole);
}

TEST_CASE("Exchanges outside memory or of overlapping ranges are refused") {
  model::DomainSpec spec;
  spec.nr_pages = 3000;
  model::Domain domain(spec);
  const model::Installed installed(domain.xen());
  xen::FrameMap names(domain.start_info().mfn_list, spec.nr_pages);
  CHECK_FALSE(names.exchange(Pfn{0}, Pfn{2999}, 2));
  CHECK_FALSE(names.exchange(Pfn{10}, Pfn{12}, 3));
}
