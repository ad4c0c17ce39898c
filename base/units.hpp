// Strong types for numbers that must not mix: frames, addresses, blocks of a disk. Offsets on disk are plain bytes.
//
// A Pfn is a guest's name for a frame, an Mfn the machine's; a GuestVirt is a virtual address of whoever's page
// tables are meant. They are values with an order; arithmetic goes through `.value` or the few operators here,
// so that each conversion can be seen.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace pvboot {

template <typename Tag> struct Number {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Number&) const = default;
  constexpr Number operator+(std::uint64_t n) const { return {value + n}; }
  constexpr Number operator-(std::uint64_t n) const { return {value - n}; }
  constexpr std::uint64_t operator-(Number other) const { return value - other.value; }
  constexpr Number& operator++() {
    ++value;
    return *this;
  }
};

using Pfn = Number<struct PfnTag>;
using Mfn = Number<struct MfnTag>;
using GuestVirt = Number<struct GuestVirtTag>;
using MachineAddr = Number<struct MachineAddrTag>;
using Lba = Number<struct LbaTag>; ///< in the logical blocks of the disk at hand

constexpr std::uint64_t page_size = 4096;
constexpr unsigned page_shift = 12;

constexpr std::uint64_t pages_for(std::uint64_t bytes) {
  return (bytes >> page_shift) + ((bytes & (page_size - 1)) != 0);
}
constexpr MachineAddr address_of(Mfn frame) { return {frame.value << page_shift}; }

constexpr std::uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long n) { return n << 30; }

} // namespace pvboot
