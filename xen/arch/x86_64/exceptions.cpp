#include "xen/arch/x86_64/exceptions.hpp"

#include "xen/crash.hpp"
#include "xen/hypercall/cpu.hpp"

#include <string_view>

extern "C" char pvboot_trap_stubs[];
extern "C" char pvboot_stack_guard[];
extern "C" char pvboot_stack_top[];

namespace pvboot::xen {

namespace {

constexpr unsigned vector_count = 32;
constexpr std::size_t stub_size = 8;
constexpr std::uint32_t vectors_with_error_code =
    1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 21 | 1u << 29 | 1u << 30;

struct SavedRegisters {
  std::uint64_t r15, r14, r13, r12, r10, r9, r8, rbp, rdi, rsi, rdx, rbx, rax;
  std::uint64_t vector;
  std::uint64_t rcx, r11; // by Xen
  std::uint64_t frame[6]; // the error code where there is one, rip, cs, rflags, rsp, ss
};

struct Vector {
  std::string_view name;
  std::string_view hint;
};

constexpr std::string_view our_bug = "this is a bug in pvboot: please report it with these lines";

constexpr Vector vector_of(std::uint64_t number) {
  switch (number) {
  case 0: return {"divide error", our_bug};
  case 1: return {"debug", our_bug};
  case 2: return {"NMI", "sent from the host (xl trigger ... nmi)"};
  case 3: return {"breakpoint", our_bug};
  case 4: return {"overflow", our_bug};
  case 5: return {"bound range", our_bug};
  case 6: return {"invalid opcode", "a failed check inside pvboot, or a CPU without SSE2; please report it"};
  case 7: return {"no FPU", "the FPU was taken away from the guest"};
  case 8: return {"double fault", our_bug};
  case 10: return {"invalid TSS", our_bug};
  case 11: return {"segment not present", our_bug};
  case 12: return {"stack fault", our_bug};
  case 13: return {"general protection", our_bug};
  case 14: return {"page fault", our_bug};
  case 16: return {"x87 error", our_bug};
  case 17: return {"alignment check", our_bug};
  case 18: return {"machine check", "the host's hardware reports a fault"};
  case 19: return {"SIMD error", our_bug};
  case 21: return {"control protection", our_bug};
  default: return {"unexpected exception", our_bug};
  }
}

constinit const vcpu_info_t* fault_information = nullptr;
constinit bool reporting = false;
constinit trap_info_t traps[vector_count + 1] = {};

void report_stack(std::uint64_t rsp) {
  const auto top = reinterpret_cast<std::uint64_t>(pvboot_stack_top);
  const auto bottom = reinterpret_cast<std::uint64_t>(pvboot_stack_guard) + 4096;
  if (rsp % 8 != 0 || rsp < bottom || rsp >= top)
    return;
  constexpr std::uint64_t words = 12;
  report("\n  stack");
  for (std::uint64_t i = 0; i < words && rsp + 8 * i < top; ++i)
    report_hex(i % 4 == 0 && i != 0 ? "\n        " : " ", *reinterpret_cast<const std::uint64_t*>(rsp + 8 * i));
  report("\n");
}

} // namespace

extern "C" [[noreturn]] void pvboot_exception(const SavedRegisters* regs) {
  // A fault while reporting: what is out is out.
  if (reporting)
    crash();
  reporting = true;
  const bool has_code = regs->vector < vector_count && (vectors_with_error_code >> regs->vector & 1) != 0;
  const std::uint64_t* frame = regs->frame + (has_code ? 1 : 0);
  const Vector vector = vector_of(regs->vector);
  report("\npvboot: crashed: ");
  report(vector.name);
  report_hex(" (vector ", regs->vector);
  if (has_code)
    report_hex(", error code ", regs->frame[0]);
  report(")");
  if (regs->vector == 14 && fault_information != nullptr)
    report_hex(" at ", fault_information->arch.cr2);
  report_hex("\n  rip ", frame[0]);
  report_hex(" rsp ", frame[3]);
  report_hex(" rflags ", frame[2]);
  report_hex("\n  rax ", regs->rax);
  report_hex(" rbx ", regs->rbx);
  report_hex(" rcx ", regs->rcx);
  report_hex("\n  rdx ", regs->rdx);
  report_hex(" rsi ", regs->rsi);
  report_hex(" rdi ", regs->rdi);
  report_hex("\n  rbp ", regs->rbp);
  report_hex(" r8  ", regs->r8);
  report_hex(" r9  ", regs->r9);
  report_hex("\n  r10 ", regs->r10);
  report_hex(" r11 ", regs->r11);
  report_hex(" r12 ", regs->r12);
  report_hex("\n  r13 ", regs->r13);
  report_hex(" r14 ", regs->r14);
  report_hex(" r15 ", regs->r15);
  report_stack(frame[3]);
  report("  ");
  report(vector.hint);
  report("\n");
  crash();
}

void install_exception_handlers() {
  // The guest's kernel runs in ring 3 under PV [xen/arch-x86/xen-x86_64.h].
  for (unsigned vector = 0; vector < vector_count; ++vector)
    traps[vector] = {.vector = static_cast<std::uint8_t>(vector),
                     .flags = 4, // event delivery off in the handler; nobody may raise it by `int`
                     .cs = FLAT_KERNEL_CS,
                     .address = reinterpret_cast<std::uint64_t>(pvboot_trap_stubs) + vector * stub_size};
  (void)issue(SetTrapTable{traps});
}

void set_fault_information(const vcpu_info_t* vcpu) { fault_information = vcpu; }

} // namespace pvboot::xen
