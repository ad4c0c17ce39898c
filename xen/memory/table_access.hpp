// Entries of page tables that are mapped in our own address space, and the units that windows are made of.
#pragma once

#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

namespace pvboot::xen {

/// What one L1 maps: windows begin on such a boundary and have L1s of their own.
constexpr std::uint64_t unit_bytes = span_of(Level::l1);
constexpr std::uint64_t units_for(std::uint64_t pages) { return (pages + entries_per_table - 1) / entries_per_table; }

/// The first address that the table of `level` which maps `address` maps.
constexpr GuestVirt aligned(Level level, GuestVirt address) { return GuestVirt{address.value & ~(span_of(level) - 1)}; }

inline Pte read_entry(GuestVirt table, std::uint64_t index) {
  return {peek<std::uint64_t>(table + index * entry_bytes)};
}
/// Only while Xen does not yet know the page as a table.
inline void write_entry(GuestVirt table, std::uint64_t index, Pte entry) {
  poke<std::uint64_t>(table + index * entry_bytes) = entry.value;
}

} // namespace pvboot::xen
