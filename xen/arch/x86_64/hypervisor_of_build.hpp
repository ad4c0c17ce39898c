// The hypervisor of the loader's build: a PV guest's hypercall is `syscall` with the number in rax, arguments in
// rdi, rsi, rdx, r10, r8; rcx and r11 are lost [xen/arch-x86/xen-x86_64.h].
#pragma once

#include <cstdint>

namespace pvboot::xen {

struct PvHypervisor {
  static long hypercall(unsigned number, std::uint64_t a1 = 0, std::uint64_t a2 = 0, std::uint64_t a3 = 0,
                        std::uint64_t a4 = 0, std::uint64_t a5 = 0) {
    register std::uint64_t r10 asm("r10") = a4;
    register std::uint64_t r8 asm("r8") = a5;
    long result;
    asm volatile("syscall"
                 : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                 : "0"(static_cast<std::uint64_t>(number))
                 : "rcx", "r11", "memory", "cc");
    return result;
  }

  static std::uint64_t timestamp() {
    std::uint32_t low, high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return static_cast<std::uint64_t>(high) << 32 | low;
  }
};

using Hypervisor = PvHypervisor;

} // namespace pvboot::xen
