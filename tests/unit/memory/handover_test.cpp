// Whole handovers on the model of Xen. PVBOOT_SOAK=1 runs 100,000 generated ones instead of the sample,
// PVBOOT_HANDOVERS=n as many, PVBOOT_HANDOVER_SEED=n only that one.
#include "tests/model/handover_case.hpp"

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

TEST_CASE("A kernel that does not fit is refused, and another one starts") {
  HandoverCase test = linux_case();
  test.initrd_bytes = 60000000;
  const auto outcome = run_case(test);
  CHECK(outcome.wrong == "");
  CHECK(outcome.refused);
}

TEST_CASE("Generated guests and kernels are handed over, or refused with all in order") {
  const std::uint64_t only = from_environment("PVBOOT_HANDOVER_SEED", 0);
  const std::uint64_t sample = from_environment("PVBOOT_SOAK", 0) != 0 ? 100000 : 300;
  const std::uint64_t count = only != 0 ? only : from_environment("PVBOOT_HANDOVERS", sample);
  std::uint64_t handed_over = 0;
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= count; ++seed) {
    const HandoverCase test = model::random_case(seed);
    const auto outcome = run_case(test);
    handed_over += !outcome.refused;
    if (!outcome.wrong.empty())
      FAIL_CHECK("seed " << seed << ": " << outcome.wrong << "\n" << test.text());
    if (only != 0)
      WARN("refused: " << outcome.said);
  }
  if (only == 0)
    CHECK(handed_over > count / 3);
}
