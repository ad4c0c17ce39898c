#include "xen/memory/frame_map.hpp"

#include "xen/memory/touch.hpp"

#include <algorithm>
#include <span>

namespace pvboot::xen {

namespace {

constexpr std::size_t batch = 512;
constexpr std::size_t most_changed_ranges = 256;
constexpr std::uint64_t entry_size = sizeof(std::uint64_t);

/// Xen's table of all frames' names, which every PV guest may read [xen/arch-x86/xen-x86_64.h].
GuestVirt m2p_entry(Mfn frame) { return GuestVirt{MACH2PHYS_VIRT_START + frame.value * entry_size}; }

} // namespace

std::uint64_t FrameMap::raw(Pfn pfn) const { return peek<std::uint64_t>(list_ + pfn.value * entry_size); }

void FrameMap::set_raw(Pfn pfn, std::uint64_t value) { poke<std::uint64_t>(list_ + pfn.value * entry_size) = value; }

std::optional<FrameRange> FrameMap::highest_free(std::uint64_t count, Pfn below, Pfn from) {
  for (;;) {
    const auto run = ledger_.highest_free(count, below, from);
    if (!run)
      return std::nullopt;
    Pfn first = run->end();
    while (first > run->first && !is_hole(first - 1))
      first = first - 1;
    if (first < run->end())
      return FrameRange{first, run->end() - first};
    while (first > run->first && is_hole(first - 1))
      first = first - 1;
    ledger_.set({first, run->end() - first}, Use::hole);
  }
}

Result<Pfn> FrameMap::pfn_of(Mfn frame) {
  const auto look = [&]() -> std::optional<Pfn> {
    const Pfn name{peek<std::uint64_t>(m2p_entry(frame))};
    // Xen may not know the newest name yet. The P2M does: no two names have the same frame.
    if (name.value < nr_pages() && raw(name) == frame.value)
      return name;
    return std::nullopt;
  };
  if (const auto name = look())
    return *name;
  TRY(flush());
  if (const auto name = look())
    return *name;
  return fail(Code::corrupt, "P2M and M2P contradict one another");
}

void FrameMap::changed(FrameRange names) {
  // Exchanges one after another mostly go on where the last one ended, on both of their sides.
  const std::size_t near = std::min<std::size_t>(changed_.size(), 2);
  for (FrameRange& range : std::span(changed_).last(near))
    if (range.end() == names.first || names.end() == range.first) {
      range = {std::min(range.first, names.first), range.count + names.count};
      return;
    }
  changed_.push_back(names);
}

Result<void> FrameMap::exchange(Pfn a, Pfn b, std::uint64_t count) {
  if (a == b || count == 0)
    return {};
  if (FrameRange{a, count}.overlaps({b, count}) || std::max(a, b).value + count > nr_pages())
    return fail(Code::invalid, "exchange of names outside the guest's memory or of overlapping ranges");
  ledger_.exchange(a, b, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t frame_a = raw(a + i);
    set_raw(a + i, raw(b + i));
    set_raw(b + i, frame_a);
  }
  changed({a, count});
  changed({b, count});
  return changed_.size() >= most_changed_ranges ? flush() : Result<void>{};
}

Result<void> FrameMap::move(FrameRange from, Pfn to) {
  if (from.first == to || from.count == 0)
    return {};
  const std::uint64_t distance = from.first < to ? to - from.first : from.first - to;
  // Chunks no longer than the distance are disjoint; the leading end moves first.
  for (std::uint64_t moved = 0; moved < from.count;) {
    const std::uint64_t chunk = std::min(distance, from.count - moved);
    const std::uint64_t offset = to < from.first ? moved : from.count - moved - chunk;
    TRY(exchange(from.first + offset, to + offset, chunk));
    moved += chunk;
  }
  return {};
}

Result<void> FrameMap::flush() {
  std::sort(changed_.begin(), changed_.end(), [](FrameRange a, FrameRange b) { return a.first < b.first; });
  std::vector<MmuUpdate> updates;
  Pfn next{};
  const auto tell = [&]() -> Result<void> {
    TRY(mmu_update(updates));
    updates.clear();
    return {};
  };
  for (const FrameRange& range : changed_)
    for (next = std::max(next, range.first); next < range.end(); ++next) {
      if (is_hole(next))
        continue;
      updates.push_back(MmuUpdate::machphys(mfn_of(next), next));
      if (updates.size() == batch)
        TRY(tell());
    }
  TRY(tell());
  changed_.clear();
  return {};
}

} // namespace pvboot::xen
