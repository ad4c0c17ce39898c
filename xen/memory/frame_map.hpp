// The FrameMap: which machine frame each PFN names; the only writer of the P2M list and of Xen's M2P.
//
// A PFN is only a name. Frames are exchanged, never copied: two P2M entries change places, and flush() tells Xen the
// new names (MMU_MACHPHYS_UPDATE, in batches). A name that changes hands several times before that is told once, so
// that what a handover costs follows the names that end up elsewhere. Every step computes from the current state, so a
// second attempt after a failed one starts from a sound map. Mappings are by machine frame and do not notice.
//
// Invariants: over the frames that are not holes P2M and M2P are inverse to one another after every flush(); the
// marks of the ledger travel with the frames. A hole is an entry of all ones and travels like a frame.
//
// Fails with Code::denied and its neighbours when Xen refuses an update; the P2M is then ahead of the M2P, and
// flush() may be tried again.
#pragma once

#include "base/result.hpp"
#include "xen/hypercall/mmu.hpp"
#include "xen/memory/frame_ledger.hpp"

#include <optional>
#include <vector>

namespace pvboot::xen {

class FrameMap {
public:
  /// `list` is where the P2M is mapped, read and write, in our own address space.
  FrameMap(GuestVirt list, std::uint64_t nr_pages) : list_(list), ledger_(nr_pages) {}

  static constexpr std::uint64_t hole = ~std::uint64_t{0};

  GuestVirt list() const { return list_; }
  std::uint64_t nr_pages() const { return ledger_.nr_pages(); }
  FrameLedger& ledger() { return ledger_; }
  const FrameLedger& ledger() const { return ledger_; }

  bool is_hole(Pfn pfn) const { return raw(pfn) == hole; }
  /// Of a PFN that is no hole.
  Mfn mfn_of(Pfn pfn) const { return {raw(pfn)}; }
  /// The highest free names below `below` and not below `from` with frames behind them, at most `count`; holes on the
  /// way are marked.
  std::optional<FrameRange> highest_free(std::uint64_t count, Pfn below, Pfn from);
  /// The current name of a frame of ours.
  Result<Pfn> pfn_of(Mfn frame);

  /// The frames of two disjoint ranges change names; marks included. M2P follows with the next flush().
  Result<void> exchange(Pfn a, Pfn b, std::uint64_t count = 1);
  /// The frames of `from` get the names from `to` on; whatever had those gets the names left over. The ranges may
  /// overlap.
  Result<void> move(FrameRange from, Pfn to);
  /// Tells Xen all names that it does not know yet.
  Result<void> flush();

private:
  std::uint64_t raw(Pfn pfn) const;
  void set_raw(Pfn pfn, std::uint64_t value);
  void changed(FrameRange names);

  GuestVirt list_;
  FrameLedger ledger_;
  std::vector<FrameRange> changed_; ///< names whose frames Xen does not know by them yet; may overlap
};

} // namespace pvboot::xen
