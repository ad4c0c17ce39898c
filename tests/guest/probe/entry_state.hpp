// What the CPU held at the probe's first instruction, in the order in which entry.S writes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pvboot::probe {

struct EntryState {
  std::uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
  std::uint64_t rflags;
  std::uint64_t cs, ss, ds, es, fs, gs;
  std::uint64_t cr0, cr3, cr4;
};
static_assert(sizeof(EntryState) == 26 * 8 && offsetof(EntryState, rflags) == 16 * 8);

/// What FXSAVE64 writes [Intel SDM vol. 1, 10.5.1].
struct FpuState {
  std::uint16_t fcw, fsw;
  std::uint8_t ftw, reserved;
  std::uint16_t fop;
  std::uint64_t fip, fdp;
  std::uint32_t mxcsr, mxcsr_mask;
  std::uint64_t st[8][2];
  std::uint64_t xmm[16][2];
  std::uint64_t unused[12];
};
static_assert(sizeof(FpuState) == 512);

} // namespace pvboot::probe

extern "C" {
extern const pvboot::probe::EntryState probe_entry_state;
extern const pvboot::probe::FpuState probe_fpu_state;
}
