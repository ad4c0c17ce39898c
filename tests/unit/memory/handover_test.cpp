// Whole handovers on the model of Xen. PVBOOT_SOAK=1 runs 100,000 generated ones instead of the sample,
// PVBOOT_HANDOVERS=n as many, PVBOOT_HANDOVER_SEED=n only that one.
#include "tests/model/handover_case.hpp"
#include "tests/model/installed.hpp"
#include "xen/memory/handover.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace pvboot;
using model::HandoverCase;
using model::run_case;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

HandoverCase linux_case() {
  HandoverCase test;
  test.domain.nr_pages = 20000;
  test.domain.image_pages = 2500;
  test.domain.order = 7919;
  test.target = model::linux_like(8);
  test.kernel_file_bytes = 0x800000;
  test.initrd_bytes = 3000001;
  return test;
}

void expect_success(const HandoverCase& test) {
  const auto outcome = run_case(test);
  INFO(test.text());
  CHECK(outcome.wrong == "");
  CHECK(outcome.said == "");
}

} // namespace

TEST_CASE("A Linux kernel finds all that Xen's domain builder owes it") { expect_success(linux_case()); }

TEST_CASE("A guest of more than 512 GiB is handed over as well") {
  HandoverCase test = linux_case();
  test.domain.nr_pages = 140000000; // 534 GiB: a P2M list of more than 1 GiB
  expect_success(test);
  // The list is then named page by page.
  SECTION("with its P2M list at another address") { test.target.init_p2m = *test.target.init_p2m + (2ull << 39); }
  SECTION("after an attempt for another kernel") { test.abandon_first = test.other_kernel_first = true; }
  expect_success(test);
}

TEST_CASE("A guest with holes in its P2M, stuck pages and a first attempt for another kernel") {
  HandoverCase test = linux_case();
  for (std::uint64_t hole = 19000; hole < 19900; hole += 3)
    test.domain.holes.insert(hole);
  test.work_pages = 2000;
  test.stuck_pages = 40;
  test.abandon_first = test.other_kernel_first = true;
  expect_success(test);
}

TEST_CASE("A guest of 512 MiB and one of 12 GiB differ only by the names of the P2M's frames") {
  HandoverCase test = linux_case();
  test.target = model::linux_like(40);
  test.kernel_file_bytes = 40 << 20;
  const auto with = [&](std::uint64_t halves_of_a_gib) {
    test.domain.nr_pages = halves_of_a_gib << 17;
    const auto outcome = run_case(test);
    CHECK(outcome.wrong == "");
    CHECK(outcome.said == "");
    return outcome.effort;
  };
  const auto small = with(1), large = with(24);
  const std::uint64_t more = (24 - 1) * 256 + (24 - 1) / 2 + 2; // pages of the list, and its tables
  // Where the P2M was, behind our region, is what the kernel takes up, but for its padding.
  const std::uint64_t old_place_in_padding = 0x1000 - 3072;
  CHECK(large.names <= small.names + more + old_place_in_padding);
  CHECK(large.table_entries == small.table_entries);
  CHECK(large.calls <= small.calls + more / 64);
}

TEST_CASE("Holes anywhere are set aside: the kernel is told of the memory that is there, and all of it is") {
  HandoverCase test = linux_case();
  test.gather = true;
  test.domain.own_p2m = GENERATE(true, false);
  test.target.init_p2m = GENERATE(std::optional<std::uint64_t>(0x8000000000), 0x7f0000000000, std::nullopt);
  const std::uint64_t end = test.domain.nr_pages;
  for (std::uint64_t hole : {0x1900ul, 0x1901ul, 0x1a00ul, end - 3, end - 1})
    test.domain.holes.insert(hole);
  for (std::uint64_t hole = 8000; hole < 10000; hole += 3)
    test.domain.holes.insert(hole);
  for (std::uint64_t hole = end - 900; hole < end - 300; ++hole)
    test.domain.holes.insert(hole);
  expect_success(test);
}

TEST_CASE("A hypercall page at the very end of the region survives the trampoline") {
  HandoverCase test = linux_case();
  plan::GuestFacts facts;
  facts.nr_pages = test.domain.nr_pages;
  const auto layout = plan::lay_out(test.target, facts);
  REQUIRE(layout);
  test.target.hypercall_page = layout->address_of(layout->region.end() - 1).value;
  expect_success(test);
}

TEST_CASE("A kernel whose trampoline would lie among our own windows is refused") {
  HandoverCase test = linux_case();
  test.target = plan::Target{};
  test.target.virt_base = 0x200000000000; // slot 64, the first that windows take
  test.target.entry = 0x200000001000;
  test.target.segments = {{0x1000, 0x1000, 0x1800, 0x2000}};
  const auto outcome = run_case(test);
  CHECK(outcome.wrong == "");
  CHECK(outcome.refused);
  CHECK_THAT(outcome.said, Catch::Contains("windows"));
}

TEST_CASE("When Xen refuses to pin the new tables, nothing has happened and the next attempt works") {
  HandoverCase test = linux_case();
  test.refuse_first_pin = true;
  expect_success(test);
}

TEST_CASE("When Xen refuses the switch, the domain ends as crashed") {
  HandoverCase test = linux_case();
  test.refuse_switch = true;
  const auto outcome = run_case(test);
  CHECK(outcome.wrong == "the trampoline ended the domain with reason 3"); // SHUTDOWN_crash
}

TEST_CASE("As much memory is wiped as is asked for, or the domain ends before the jump") {
  HandoverCase test = linux_case();
  test.empty_wipes = xen::Handover::most_wipes - 2;
  expect_success(test);
  ++test.empty_wipes;
  CHECK(run_case(test).wrong == "the loader ended the domain with reason 3"); // SHUTDOWN_crash
}

TEST_CASE("A kernel that does not fit is refused, and another one starts") {
  HandoverCase test = linux_case();
  test.initrd_bytes = 60000000;
  const auto outcome = run_case(test);
  CHECK(outcome.wrong == "");
  CHECK(outcome.refused);
}

TEST_CASE("In guests around the smallest one a kernel is handed over or refused with all in order") {
  HandoverCase test = linux_case();
  plan::GuestFacts facts;
  facts.nr_pages = test.domain.nr_pages;
  facts.initrd_bytes = test.initrd_bytes;
  const auto layout = plan::lay_out(test.target, facts);
  REQUIRE(layout);
  const std::uint64_t needed = layout->p2m.frames.end().value; // the kernel's own, and nothing beside
  const std::uint64_t step = from_environment("PVBOOT_SOAK", 0) != 0 ? 11 : 149;
  std::uint64_t smallest = 0;
  for (test.domain.nr_pages = needed - 40; test.domain.nr_pages < needed + 6000; test.domain.nr_pages += step) {
    const auto outcome = run_case(test);
    INFO(test.domain.nr_pages << " pages: " << outcome.said);
    CHECK(outcome.wrong == "");
    // One that fits goes on fitting.
    CHECK((smallest == 0 || !outcome.refused));
    if (smallest == 0 && !outcome.refused)
      smallest = test.domain.nr_pages;
  }
  CHECK(smallest != 0);
  // The loader's own region, and the kernel's file as far as it is not the kernel.
  const std::uint64_t ours = 3072 + 700;
  CHECK(smallest <= needed + ours);
}

TEST_CASE("An input that is not the layout's is refused before anything is moved") {
  const HandoverCase test = linux_case();
  model::Domain domain(test.domain);
  const model::Installed installed(domain.xen());
  const auto memory = xen::AddressSpace::adopt(domain.start_info(), test.domain.base);
  REQUIRE(memory);
  plan::GuestFacts facts;
  facts.nr_pages = test.domain.nr_pages;
  auto layout = plan::lay_out(test.target, facts);
  REQUIRE(layout);
  xen::Window kernel{GuestVirt{0x200000200000}, pages_for(test.kernel_file_bytes), xen::Purpose::target, true};
  std::optional<xen::Window> initrd;
  const auto check = [&] { return xen::check_input(**memory, {*layout, kernel, {}, initrd, domain.raw()}); };
  REQUIRE(check());
  SECTION("another guest's") { layout->nr_pages += 1; }
  SECTION("a region past the end of memory") { layout->region.count = layout->nr_pages + 1; }
  SECTION("a P2M past the end of memory") { layout->p2m.frames.first = Pfn{layout->nr_pages}; }
  SECTION("a kernel that is cut short") { kernel.pages = 100; }
  SECTION("a symbol table that is not there") {
    layout->symbols_at = 0;
    layout->symbols_bytes = 8;
  }
  SECTION("an initrd that nobody asked for") { initrd = kernel; }
  SECTION("a P2M to hand on that is not ours") {
    layout->p2m.way = xen::P2mPlace::Way::handed_on;
    layout->p2m.address = GuestVirt{0x7f0000000000};
  }
  CHECK_FALSE(check());
}

// In parts, for as many processors as there are.
TEMPLATE_TEST_CASE_SIG("Generated guests and kernels are handed over, or refused with all in order", "",
                       ((std::uint64_t part), part), 0, 1, 2, 3, 4, 5, 6, 7) {
  constexpr std::uint64_t parts = 8;
  const std::uint64_t only = from_environment("PVBOOT_HANDOVER_SEED", 0);
  const std::uint64_t sample = from_environment("PVBOOT_SOAK", 0) != 0 ? 100000 : 400;
  const std::uint64_t count = only != 0 ? only : from_environment("PVBOOT_HANDOVERS", sample);
  std::uint64_t tried = 0, handed_over = 0;
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= count; ++seed) {
    if (seed % parts != part)
      continue;
    const HandoverCase test = model::random_case(seed);
    const auto outcome = run_case(test);
    ++tried;
    handed_over += !outcome.refused;
    if (!outcome.wrong.empty())
      FAIL_CHECK("seed " << seed << ": " << outcome.wrong << "\n" << test.text());
    if (only != 0)
      WARN("refused: " << outcome.said);
  }
  if (only == 0)
    CHECK(handed_over > tried / 3);
}
