// Who uses which frame name (PFN): an interval map over all PFNs of the guest, free where nothing else is said.
//
// It holds only what is in use, so its size follows the loader's own pieces and never the guest's memory.
#pragma once

#include "xen/memory/start_of_day.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace pvboot::xen {

enum class Use : std::uint8_t {
  free,
  loader,  ///< our image, stack, start_info: plain memory that is wiped before the jump
  window,  ///< mapped by a window, plain memory
  table,   ///< a page table of ours, or kept to become one
  p2m,     ///< our P2M list and its tables
  module,  ///< the module that we were given
  special, ///< console and xenstore page
  stuck,   ///< a backend may still write to it: never given to anybody
  hole,    ///< no frame behind the name
  target,  ///< claimed for the target, not mapped by us
};

class FrameLedger {
public:
  explicit FrameLedger(std::uint64_t nr_pages) : nr_pages_(nr_pages) {}

  struct Entry {
    FrameRange range;
    Use use = Use::free;
  };

  std::uint64_t nr_pages() const { return nr_pages_; }
  Use use_of(Pfn pfn) const { return run_at(pfn).use; }
  /// The maximal run of one use that starts at `pfn` (not before it).
  Entry run_at(Pfn pfn) const;
  void set(FrameRange range, Use use);
  /// The marks of two disjoint ranges of the same length change places.
  void exchange(Pfn a, Pfn b, std::uint64_t count);
  /// Every range of `use`, in order.
  std::vector<FrameRange> all(Use use) const;
  /// The highest free run of at most `count` frames that lies in [from, below).
  std::optional<FrameRange> highest_free(std::uint64_t count, Pfn below, Pfn from = {}) const;
  /// All that is not free, in order.
  const std::vector<Entry>& entries() const { return entries_; }

private:
  std::uint64_t nr_pages_;
  std::vector<Entry> entries_; // sorted, disjoint, never free, neighbours of one use merged
};

} // namespace pvboot::xen
