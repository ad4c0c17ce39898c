// The guest's memory as the probe sees it: names (PFNs), frames, page tables.
//
// Everything that a check reads lies in the region that start_info speaks of, or is looked at through one of the
// probe's own pages, whose mapping is put back at once. Nothing here trusts what the loader says: a frame or a name
// that is out of bounds is `nowhere`.
#pragma once

#include "call.hpp"
#include "shape.hpp"

namespace pvboot::probe {

constexpr std::uint64_t nowhere = ~std::uint64_t{0};

// Bits of a page-table entry [Intel SDM vol. 3, 4.5].
constexpr std::uint64_t pte_present = 1, pte_writable = 2, pte_user = 4, pte_accessed = 0x20, pte_dirty = 0x40;
constexpr std::uint64_t pte_frame = 0x000ffffffffff000;

constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (level - 1); }
constexpr std::uint64_t frame_of(std::uint64_t entry) { return (entry & pte_frame) >> 12; }

class Machine {
public:
  explicit Machine(const start_info_t& info);

  const start_info_t& info;
  const std::uint64_t pages; ///< nr_pages

  std::uint64_t frame(std::uint64_t pfn) const { return p2m_[pfn]; }
  /// By the M2P; nowhere when that says nothing about a page of this guest's.
  std::uint64_t name(std::uint64_t frame) const;
  /// The name that belongs to an address of the region.
  static std::uint64_t name_at(std::uint64_t address) { return (address - probe_shape.virt_base) >> 12; }
  template <typename T> static const T* seen(std::uint64_t pfn) {
    return reinterpret_cast<const T*>(probe_shape.virt_base + (pfn << 12));
  }
  /// Whether a name is one of pt_base .. + nr_pt_frames.
  bool is_region_table(std::uint64_t pfn) const { return pfn - name_at(info.pt_base) < info.nr_pt_frames; }
  /// Pages from VIRT_BASE on that are mapped one after another, each to the name that belongs to it.
  std::uint64_t region_pages() const { return region_pages_; }
  std::uint64_t list_pages() const { return (pages * 8 + 4095) / 4096; }
  bool in_module(std::uint64_t pfn) const {
    return (info.flags & SIF_MOD_START_PFN) != 0 && pfn - info.mod_start < (info.mod_len + 4095) / 4096;
  }
  bool in_p2m(std::uint64_t pfn) const { return pfn - info.first_p2m_pfn < info.nr_p2m_frames; }

  /// A copy of any frame of the guest's; false when Xen does not map it.
  static bool copy(std::uint64_t frame, std::uint64_t (&to)[512]);
  /// The entry of one of the probe's own pages, and its machine address.
  static std::uint64_t own_entry(const void* page, std::uint64_t* machine_address = nullptr);

private:
  const std::uint64_t* p2m_;
  std::uint64_t machine_frames_;
  std::uint64_t region_pages_ = 0;
};

/// FNV-1a in 64 bits, over bytes.
std::uint64_t hash(const void* bytes, std::uint64_t count);
std::uint64_t nonzero_bytes(std::uint64_t from, std::uint64_t to);

} // namespace pvboot::probe
