// The start-of-day memory of a PV kernel as a plain value: what lies where when the kernel gets control.
//
// loader/plan computes it, xen/memory/handover carries it out, `pvboot plan` prints it. PFNs are the target's names:
// inside the region VA = virt_base + pfn * 4096; an unmapped initrd and a P2M of its own address lie above the region
// and have no place in that formula [xen-abi.md part A].
#pragma once

#include "base/units.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pvboot::xen {

struct FrameRange {
  Pfn first;
  std::uint64_t count = 0;

  constexpr bool operator==(const FrameRange&) const = default;
  constexpr Pfn end() const { return first + count; }
  constexpr bool contains(Pfn pfn) const { return pfn >= first && pfn < end(); }
  constexpr bool overlaps(FrameRange other) const { return first < other.end() && other.first < end(); }
};

/// Page-table frames below the L4: how many of each level.
struct TableCounts {
  std::uint64_t l3 = 0, l2 = 0, l1 = 0;
  constexpr bool operator==(const TableCounts&) const = default;
  constexpr std::uint64_t total() const { return l3 + l2 + l1; }
};

/// A part of the kernel's file and where it goes; the rest up to memory_size is zero.
struct KernelSegment {
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0;
  std::uint64_t address = 0; ///< bytes from PFN 0
  std::uint64_t memory_size = 0;
  bool operator==(const KernelSegment&) const = default;
};

/// Where the target's P2M list is and how it gets there.
struct P2mPlace {
  enum class Way : std::uint8_t {
    in_region, ///< no INIT_P2M: the list is part of the region
    rebuilt,   ///< at its own address, under new tables
    handed_on, ///< at its own address, which is our list's too: list and tables go on as they are
  };
  Way way = Way::in_region;
  GuestVirt address;
  FrameRange frames; ///< the list; in its own place followed by its tables (handed on: in any order)
  std::uint64_t list_pages = 0;
  TableCounts tables; ///< only rebuilt
};

struct InitrdPlace {
  std::uint64_t bytes = 0;
  FrameRange frames;
  std::optional<GuestVirt> address; ///< none: start_info names the PFN (SIF_MOD_START_PFN)
};

/// One line of the layout, for a person.
struct LayoutElement {
  std::string name;
  std::optional<GuestVirt> address; ///< none: not mapped
  FrameRange frames;
  std::uint64_t bytes = 0;
};

struct StartOfDay {
  std::uint64_t nr_pages = 0;
  GuestVirt virt_base;
  GuestVirt entry;
  FrameRange region; ///< from PFN 0 to the end of the mapping
  FrameRange kernel; ///< with its BSS and its symbol table
  std::vector<KernelSegment> segments;
  std::optional<std::uint64_t> symbols_at; ///< bytes from PFN 0: where the BSD symbol table goes
  std::uint64_t symbols_bytes = 0;
  std::optional<Pfn> hypercall_page;
  std::optional<InitrdPlace> initrd;
  P2mPlace p2m;
  Pfn start_info, store, console;
  FrameRange page_tables; ///< L4, L3s, L2s, L1s
  TableCounts tables;
  Pfn boot_stack;
  Pfn trampoline; ///< a page of the padding after the stack
  bool multiboot_module = false;
  std::string command_line;
  std::vector<LayoutElement> elements; ///< all of it in order, padding too

  GuestVirt address_of(Pfn pfn) const { return virt_base + (pfn.value << page_shift); }
  bool operator==(const StartOfDay&) const = delete;
};

} // namespace pvboot::xen
