// Leaving for the trampoline, in the loader's build: its code, and the jump.
#pragma once

#include "base/bytes.hpp"
#include "base/units.hpp"
#include "xen/arch/x86_64/trampoline_layout.h"

extern "C" {
extern const std::byte pvboot_trampoline[], pvboot_trampoline_landing[];
}

namespace pvboot::xen {

struct Leave {
  static Bytes code() { return {pvboot_trampoline, TRAMPOLINE_BLOCK}; }
  static std::uint64_t landing() { return static_cast<std::uint64_t>(pvboot_trampoline_landing - pvboot_trampoline); }
  [[noreturn]] static void to(GuestVirt at) {
    asm volatile("jmp *%0" : : "r"(at.value) : "memory");
    __builtin_unreachable();
  }
};

} // namespace pvboot::xen
