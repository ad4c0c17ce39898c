#include "xen/memory/frame_ledger.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

/// The first entry that ends after `pfn`.
template <typename Entries> auto first_past(Entries& entries, Pfn pfn) {
  return std::partition_point(entries.begin(), entries.end(),
                              [pfn](const FrameLedger::Entry& e) { return e.range.end() <= pfn; });
}

FrameRange between(Pfn first, Pfn end) { return {first, end - first}; }

} // namespace

FrameLedger::Entry FrameLedger::run_at(Pfn pfn) const {
  const auto entry = first_past(entries_, pfn);
  if (entry == entries_.end())
    return {between(pfn, Pfn{nr_pages_}), Use::free};
  if (entry->range.first > pfn)
    return {between(pfn, entry->range.first), Use::free};
  return {between(pfn, entry->range.end()), entry->use};
}

void FrameLedger::set(FrameRange range, Use use) {
  if (range.count == 0)
    return;
  // All entries that touch the range or its neighbours are replaced by what is left of them around it.
  auto from = std::partition_point(entries_.begin(), entries_.end(),
                                   [&](const Entry& e) { return e.range.end() < range.first; });
  auto to = from;
  Entry parts[3];
  std::size_t count = 0;
  const auto add = [&](FrameRange piece, Use piece_use) {
    if (piece.count == 0 || piece_use == Use::free)
      return;
    if (count != 0 && parts[count - 1].use == piece_use && parts[count - 1].range.end() == piece.first)
      parts[count - 1].range.count += piece.count;
    else
      parts[count++] = {piece, piece_use};
  };
  Entry last{};
  bool any = false;
  for (; to != entries_.end() && to->range.first <= range.end(); ++to) {
    if (!any && to->range.first < range.first)
      add(between(to->range.first, std::min(to->range.end(), range.first)), to->use);
    last = *to;
    any = true;
  }
  add(range, use);
  if (any && last.range.end() > range.end())
    add(between(std::max(last.range.first, range.end()), last.range.end()), last.use);

  const auto replaced = static_cast<std::size_t>(to - from);
  const std::size_t in_place = std::min(replaced, count);
  std::copy_n(parts, in_place, from);
  if (replaced > count)
    entries_.erase(from + static_cast<std::ptrdiff_t>(in_place), to);
  else
    entries_.insert(from + static_cast<std::ptrdiff_t>(in_place), parts + in_place, parts + count);
}

void FrameLedger::exchange(Pfn a, Pfn b, std::uint64_t count) {
  const auto marks_of = [&](Pfn first) {
    std::vector<Entry> marks;
    for (Pfn at = first; at < first + count;) {
      Entry run = run_at(at);
      run.range.count = std::min(run.range.count, first + count - at);
      marks.push_back(run);
      at = run.range.end();
    }
    return marks;
  };
  const std::vector<Entry> of_a = marks_of(a), of_b = marks_of(b);
  for (const Entry& e : of_a)
    set({b + (e.range.first - a), e.range.count}, e.use);
  for (const Entry& e : of_b)
    set({a + (e.range.first - b), e.range.count}, e.use);
}

std::vector<FrameRange> FrameLedger::all(Use use) const {
  std::vector<FrameRange> ranges;
  for (const Entry& e : entries_)
    if (e.use == use)
      ranges.push_back(e.range);
  return ranges;
}

std::optional<FrameRange> FrameLedger::highest_free(std::uint64_t count, Pfn below, Pfn from) const {
  Pfn end = std::min(below, Pfn{nr_pages_});
  auto entry = first_past(entries_, end);
  // `entry` may reach over `end`; everything before it ends at or below.
  if (entry != entries_.end() && entry->range.first < end)
    end = entry->range.first;
  for (; end > from;) {
    Pfn first = from;
    if (entry != entries_.begin())
      first = std::max(from, std::prev(entry)->range.end());
    if (first < end) {
      const std::uint64_t length = std::min(count, end - first);
      return FrameRange{end - length, length};
    }
    if (entry == entries_.begin())
      break;
    --entry;
    end = entry->range.first;
  }
  return std::nullopt;
}

} // namespace pvboot::xen
