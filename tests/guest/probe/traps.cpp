#include "checks.hpp"

#include <iterator>

extern "C" {
extern const std::byte probe_trap_stubs[];
extern std::uint64_t probe_resume_stack;
int probe_attempt(void (*deed)(void*), void* with);
void probe_trap(const std::uint64_t* frame);
}

namespace pvboot::probe {

Fault last_fault;

namespace {

constexpr std::uint64_t stub_bytes = 8;
constexpr unsigned vectors = 32;
constexpr std::uint32_t vectors_with_error = 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17;

trap_info_t traps[vectors + 1];

} // namespace

void install_traps() {
  for (unsigned n = 0; n < vectors; ++n)
    // The flags are the privilege level that may raise it; for int3 and into that is everybody.
    traps[n] = {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n == 3 || n == 4 ? 3 : 0), FLAT_KERNEL_CS,
                at(probe_trap_stubs) + n * stub_bytes};
  (void)call(__HYPERVISOR_set_trap_table, at(&traps[0]));
}

bool faults(void (*deed)(void*), void* with) {
  last_fault = {};
  return probe_attempt(deed, with) != 0;
}

void tell(std::string_view text); // main.cpp
[[noreturn]] void end(unsigned reason);

} // namespace pvboot::probe

// The frame: vector, rcx, r11, perhaps an error code, rip, cs, rflags.
void probe_trap(const std::uint64_t* frame) {
  using namespace pvboot::probe;
  const std::uint64_t vector = frame[0];
  const bool has_error = (vectors_with_error >> vector & 1) != 0;
  const std::uint64_t* iret = frame + 3 + has_error;
  last_fault = {vector, has_error ? frame[3] : 0, iret[2]};
  if (probe_resume_stack != 0)
    return;
  static Report report;
  report.check(false, "an exception: vector, error, rip", Dec{vector}, Hex{last_fault.error}, Hex{iret[0]});
  report.verdict();
  tell(report.take());
  end(SHUTDOWN_crash);
}
