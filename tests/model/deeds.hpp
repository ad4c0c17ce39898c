// What deeds are made of: pages of a RuleBench as tables, as bases and as a GDT, for as long as a deed takes.
//
// Each leaves all as it found it, whatever Xen answers.
#pragma once

#include "tests/model/rules.hpp"
#include "xen/memory/pte.hpp"

namespace pvboot::model::deeds {

constexpr std::uint64_t uncached = 1 << 4; // PCD
constexpr std::uint64_t large = 1 << 7;    // PSE; PAT in an L1 entry
constexpr std::uint64_t global = 1 << 8;
constexpr std::uint64_t software_bits = std::uint64_t{0x3ff} << 52 | 0xe00;
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
constexpr Mfn nobodys{0};                             // the first frame of the machine is never a guest's
constexpr Mfn nowhere{std::uint64_t{1} << 39};        // no machine has so much memory
constexpr GuestVirt spare_slot{0x7d8000000000};       // of L4 entry 251: nobody maps anything there
constexpr GuestVirt first_of_xen{0xffff800000000000}; // L4 entry 256
constexpr GuestVirt last_of_xen{0xffff878000000000};  // 271
constexpr GuestVirt after_xen{0xffff880000000000};    // 272

constexpr long not_so_far = -1000; // added to the errno of what comes before the deed itself

inline std::uint64_t writable_entry(Mfn frame) { return xen::page_entry(frame).value; }

/// Page 0 as a table that holds one entry, not mapped writable any more.
inline void table_of(RuleBench& bench, std::uint64_t entry) {
  bench.clear(0);
  bench.write(0, 0, entry);
  bench.map(0, false);
}
inline long and_back(RuleBench& bench, long answer) {
  bench.map(0, true);
  return answer;
}
inline long pin_and_unpin(RuleBench& bench, unsigned command) {
  const long answer = bench.ext(command, bench.frame(0));
  if (answer == 0)
    bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0));
  return and_back(bench, answer);
}
/// What `deed` answers while page 0 is pinned as an empty table.
template <typename Deed> long with_pinned(RuleBench& bench, unsigned command, Deed deed) {
  table_of(bench, 0);
  if (const long failed = bench.ext(command, bench.frame(0)))
    return and_back(bench, failed + not_so_far);
  const long answer = deed();
  bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0));
  return and_back(bench, answer);
}
template <typename Deed> long with_pinned_l1(RuleBench& bench, Deed deed) {
  return with_pinned(bench, MMUEXT_PIN_L1_TABLE, deed);
}
/// Pins page 0, whose one entry names page 1: an empty page that is not mapped writable.
inline long pin_over_empty(RuleBench& bench, unsigned command, std::uint64_t more_bits = 0) {
  bench.clear(1);
  bench.map(1, false);
  table_of(bench, xen::table_entry(bench.frame(1)).value | more_bits);
  const long answer = pin_and_unpin(bench, command);
  bench.map(1, true);
  return answer;
}
/// The same over a page that is mapped writable.
inline long pin_over_writable(RuleBench& bench, unsigned command) {
  bench.clear(1);
  table_of(bench, xen::table_entry(bench.frame(1)).value);
  return pin_and_unpin(bench, command);
}
/// Pins page 0 as an L1 that maps page 2 with more bits than it needs.
inline long pin_l1_with(RuleBench& bench, std::uint64_t more_bits) {
  table_of(bench, writable_entry(bench.frame(2)) | more_bits);
  return pin_and_unpin(bench, MMUEXT_PIN_L1_TABLE);
}

inline long write_root(RuleBench& bench, GuestVirt slot, std::uint64_t entry) {
  return bench.update(xen::entry_address(bench.memory().root(), xen::index_in(xen::Level::l4, slot)), entry,
                      MMU_NORMAL_PT_UPDATE);
}
/// Pins page 0 as an L4 over page 1, an empty L3, and hangs that into our own L4 as well. What `deed` answers then.
template <typename Deed> long with_l3_in_two_l4s(RuleBench& bench, Deed deed) {
  bench.clear(1);
  bench.map(1, false);
  const std::uint64_t entry = xen::table_entry(bench.frame(1)).value;
  table_of(bench, entry);
  long answer = bench.ext(MMUEXT_PIN_L4_TABLE, bench.frame(0));
  if (answer == 0) {
    answer = write_root(bench, spare_slot, entry);
    if (answer == 0)
      answer = deed();
    else
      answer += not_so_far;
    write_root(bench, spare_slot, 0);
    bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0)); // refused where the deed has done it
  }
  bench.map(1, true);
  return and_back(bench, answer);
}

enum class Pinned : std::uint8_t { yes, no };
/// Loads page 0, which maps what our L4 maps. What `deed` answers then; our own L4 is loaded again afterwards.
template <typename Deed> long with_other_base(RuleBench& bench, Pinned pinned, Deed deed) {
  bench.clear(0);
  for (std::uint64_t i = 0; i < xen::entries_per_table; ++i)
    if (!xen::is_xen_slot(i))
      bench.write(0, i, bench.memory().root_entry(GuestVirt{i << xen::shift_of(xen::Level::l4)}).value);
  bench.map(0, false);
  long answer = pinned == Pinned::yes ? bench.ext(MMUEXT_PIN_L4_TABLE, bench.frame(0)) : 0;
  if (answer == 0)
    answer = bench.ext(MMUEXT_NEW_BASEPTR, bench.frame(0));
  if (answer == 0) {
    answer = deed();
    bench.ext(MMUEXT_NEW_BASEPTR, bench.memory().root());
  }
  if (pinned == Pinned::yes)
    bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0)); // refused where the deed has done it
  return and_back(bench, answer);
}
/// What `deed` answers while page 0, an empty table, is the user's base.
template <typename Deed> long with_user_base(RuleBench& bench, Deed deed) {
  table_of(bench, 0);
  long answer = bench.ext(MMUEXT_NEW_USER_BASEPTR, bench.frame(0));
  if (answer == 0)
    answer = deed();
  bench.ext(MMUEXT_NEW_USER_BASEPTR, Mfn{0});
  return and_back(bench, answer);
}
/// What `deed` answers while page 0, all nulls, is our GDT.
template <typename Deed> long with_gdt(RuleBench& bench, Deed deed) {
  table_of(bench, 0);
  const std::uint64_t frame = bench.frame(0).value;
  if (const long failed = xen::Hypervisor::hypercall(__HYPERVISOR_set_gdt, xen::address(&frame), 512))
    return and_back(bench, failed + not_so_far);
  const long answer = deed();
  xen::Hypervisor::hypercall(__HYPERVISOR_set_gdt, 0, 0);
  return and_back(bench, answer);
}
/// Maps a frame that is none of the bench's in place of page 3, for a moment.
inline long map_for_a_moment(RuleBench& bench, xen::Pte entry) {
  const Mfn own = bench.frame(3);
  const long answer = bench.map_at(bench.page(3), entry);
  bench.map_at(bench.page(3), xen::page_entry(own));
  return answer;
}
template <typename Callback> long callback_op(unsigned command, Callback callback) {
  return xen::Hypervisor::hypercall(__HYPERVISOR_callback_op, command, xen::address(&callback));
}

} // namespace pvboot::model::deeds
