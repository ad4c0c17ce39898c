#include "checks.hpp"
#include "entry_state.hpp"

namespace pvboot::probe {

namespace {

constexpr std::uint64_t cr0_ts = 8;
constexpr std::uint32_t msr_fs_base = 0xc0000100, msr_gs_base = 0xc0000101, msr_shadow_gs_base = 0xc0000102;

std::uint64_t read_msr(std::uint32_t number) {
  std::uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return std::uint64_t{high} << 32 | low;
}

/// How many selectors of a descriptor table mean anything: `table` is 0 for the GDT, 4 for the LDT.
std::uint64_t valid_selectors(std::uint64_t table) {
  std::uint64_t count = 0;
  for (std::uint64_t selector = 8; selector < FIRST_RESERVED_GDT_BYTE; selector += 8) {
    std::uint64_t rights = 0;
    std::uint8_t valid;
    asm volatile("lar %2, %0\n\tsetz %1" : "=r"(rights), "=q"(valid) : "r"(selector | table | 3) : "cc");
    count += valid;
  }
  return count;
}

void check_registers(Report& report, const Machine& machine) {
  const EntryState& s = probe_entry_state;
  const struct {
    std::string_view name;
    std::uint64_t is, should;
  } registers[] = {
      {"cpu.rax", s.rax, 0},
      {"cpu.rbx", s.rbx, 0},
      {"cpu.rcx", s.rcx, 0},
      {"cpu.rdx", s.rdx, 0},
      {"cpu.rsi", s.rsi, at(&machine.info)},
      {"cpu.rdi", s.rdi, 0},
      {"cpu.rbp", s.rbp, 0},
      {"cpu.rsp", s.rsp, machine.info.pt_base + (machine.info.nr_pt_frames + 1) * 4096},
      {"cpu.r8", s.r8, 0},
      {"cpu.r9", s.r9, 0},
      {"cpu.r10", s.r10, 0},
      {"cpu.r11", s.r11, 0},
      {"cpu.r12", s.r12, 0},
      {"cpu.r13", s.r13, 0},
      {"cpu.r14", s.r14, 0},
      {"cpu.r15", s.r15, 0},
      {"cpu.rflags", s.rflags & ~std::uint64_t{2}, 0x200}, // bit 1 is always 1
      {"cpu.cs", s.cs, FLAT_KERNEL_CS},
      {"cpu.ss", s.ss, FLAT_KERNEL_SS},
      {"cpu.ds", s.ds, 0},
      {"cpu.es", s.es, 0},
      {"cpu.fs", s.fs, 0},
      {"cpu.gs", s.gs, 0},
      {"cpu.fs-base", read_msr(msr_fs_base), 0},
      {"cpu.gs-base", read_msr(msr_gs_base), 0},
      {"cpu.gs-base-of-user", read_msr(msr_shadow_gs_base), 0},
  };
  for (const auto& r : registers) {
    report.fact(r.name, Hex{r.is});
    report.equal(r.is, r.should, r.name);
  }
  report.fact("cpu.cr0", Hex{s.cr0});
  report.check((s.cr0 & cr0_ts) == 0, "CR0.TS is set");
  report.fact("cpu.cr3", "pfn", Hex{machine.name(frame_of(s.cr3))});
  report.equal(machine.name(frame_of(s.cr3)), Machine::name_at(machine.info.pt_base), "cpu.cr3");
  report.fact("cpu.cr4", Hex{s.cr4});
}

void check_fpu(Report& report) {
  const FpuState& f = probe_fpu_state;
  report.fact("fpu.control", Hex{f.fcw});
  report.fact("fpu.status", Hex{f.fsw}, "tags", Hex{f.ftw}, "opcode", Hex{f.fop}, "at", Hex{f.fip}, Hex{f.fdp});
  report.fact("fpu.mxcsr", Hex{f.mxcsr}, "of", Hex{f.mxcsr_mask});
  report.equal(f.fcw, 0x37f, "fpu.control");
  report.check(f.fsw == 0 && f.ftw == 0 && f.fop == 0 && f.fip == 0 && f.fdp == 0, "the FPU has been used");
  report.equal(f.mxcsr, 0x1f80, "fpu.mxcsr");
  const std::uint64_t left = nonzero_bytes(at(&f.st[0][0]), at(&f.unused[0]));
  report.fact("fpu.registers", "nonzero bytes", Dec{left});
  report.equal(left, 0, "bytes left in x87 and SSE registers");
}

} // namespace

void check_cpu(Report& report, const Machine& machine) {
  check_registers(report, machine);
  check_fpu(report);
  const std::uint64_t debug_defaults[8] = {0, 0, 0, 0, 0, 0, 0xffff0ff0, 0x400};
  for (unsigned n = 0; n < 8; ++n) {
    if (n == 4 || n == 5)
      continue;
    const auto value = static_cast<std::uint64_t>(call(__HYPERVISOR_get_debugreg, n));
    report.fact("cpu.debug-register", Dec{n}, Hex{value});
    report.equal(value, debug_defaults[n], "cpu.debug-register");
  }
  const std::uint64_t gdt = valid_selectors(0), ldt = valid_selectors(4);
  report.fact("cpu.descriptors", "gdt", Dec{gdt}, "ldt", Dec{ldt});
  report.equal(gdt + ldt, 0, "descriptors left");
}

} // namespace pvboot::probe
