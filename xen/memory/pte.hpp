// Page-table entries of x86-64 long mode as a PV guest writes them [Intel SDM vol. 3, 4.5; xen-abi.md part A].
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/mmu.hpp"

namespace pvboot::xen {

namespace pte {
constexpr std::uint64_t present = 1 << 0;
constexpr std::uint64_t writable = 1 << 1;
constexpr std::uint64_t user = 1 << 2;
constexpr std::uint64_t accessed = 1 << 5;
constexpr std::uint64_t dirty = 1 << 6;
constexpr std::uint64_t frame_mask = 0x000ffffffffff000;
} // namespace pte

constexpr std::uint64_t entries_per_table = 512;
constexpr std::uint64_t entry_bytes = 8;

constexpr unsigned shift_of(Level level) { return page_shift + 9 * (static_cast<unsigned>(level) - 1); }
/// The bytes that one table of a level maps.
constexpr std::uint64_t span_of(Level level) { return entries_per_table << shift_of(level); }
constexpr std::uint64_t index_in(Level level, GuestVirt address) {
  return (address.value >> shift_of(level)) % entries_per_table;
}
constexpr Level above(Level level) { return static_cast<Level>(static_cast<unsigned>(level) + 1); }
constexpr Level below(Level level) { return static_cast<Level>(static_cast<unsigned>(level) - 1); }

/// L4 slots 256 to 271 are Xen's [xen/arch-x86/xen-x86_64.h].
constexpr bool is_xen_slot(std::uint64_t l4_index) { return l4_index >= 256 && l4_index <= 271; }

constexpr bool is_present(Pte entry) { return (entry.value & pte::present) != 0; }
constexpr Mfn frame_in(Pte entry) { return {(entry.value & pte::frame_mask) >> page_shift}; }

enum class Access : std::uint8_t { read_only, read_write };

/// An L1 entry: a page of memory.
constexpr Pte page_entry(Mfn frame, Access access = Access::read_write) {
  return {pvboot::address_of(frame).value | pte::present | pte::accessed |
          (access == Access::read_write ? pte::writable : 0)};
}
/// An L2, L3 or L4 entry: a table.
constexpr Pte table_entry(Mfn table) {
  return {pvboot::address_of(table).value | pte::present | pte::writable | pte::user | pte::accessed | pte::dirty};
}
/// The machine address of entry `index` of a table.
constexpr MachineAddr entry_address(Mfn table, std::uint64_t index) {
  return pvboot::address_of(table) + index * entry_bytes;
}

} // namespace pvboot::xen
