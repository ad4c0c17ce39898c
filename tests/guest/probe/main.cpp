// The probe: a kernel that looks at how it was started, says what it found, and powers off.
//
// It is entered as any PV kernel is, by Xen's domain builder or by another loader, and checks from inside the whole
// start-of-day contract [xen-abi.md part A]. Its last line is the verdict: "PROBE: ok" or "PROBE: FAILED N: WHAT".
// Between them stand facts in a fixed order (report.hpp), the same for equal starts.
//
// Two words in its command line make it end in another way, to show what only Xen's log tells: "probe.end=trap" raises
// an exception for which nobody has registered a handler, "probe.end=event" takes an event without a callback. Xen
// crashes the domain for either, unless a loader has left something registered.
#include "checks.hpp"
#include "entry_state.hpp"

#include <xen/io/console.h>

namespace pvboot::probe {

namespace {

constinit Report report;
const start_info_t* info;

alignas(4096) std::byte console_page[4096];

/// The console's page, at a page of ours: wherever a loader has it, what was found must be told.
xencons_interface& console() {
  static bool mapped = false;
  if (!mapped)
    (void)map_at(console_page, info->console.domU.mfn << 12 | pte_present | pte_writable | pte_accessed);
  mapped = true;
  return *reinterpret_cast<xencons_interface*>(console_page);
}

std::uint32_t load(const XENCONS_RING_IDX& index) { return *const_cast<const volatile XENCONS_RING_IDX*>(&index); }

/// Gives the other side of the console time.
void wait_a_little() {
  evtchn_send_t send{.port = info->console.domU.evtchn};
  (void)event_op(EVTCHNOP_send, send);
  (void)call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

} // namespace

void tell(std::string_view text) {
  xencons_interface& ring = console();
  for (const char c : text) {
    while (ring.out_prod - load(ring.out_cons) >= sizeof ring.out)
      wait_a_little();
    ring.out[MASK_XENCONS_IDX(ring.out_prod, ring.out)] = c;
    xen_wmb();
    ring.out_prod++;
  }
  wait_a_little();
}

/// A console that nobody reads must not keep the domain alive for ever.
void drain() {
  for (unsigned n = 0; n < 1'000'000 && load(console().out_cons) != console().out_prod; ++n)
    wait_a_little();
}

[[noreturn]] void end(unsigned reason) {
  drain();
  const sched_shutdown_t how{.reason = reason};
  for (;;)
    (void)sched_op(SCHEDOP_shutdown, how);
}

} // namespace pvboot::probe

extern "C" [[noreturn]] void probe_main() {
  using namespace pvboot::probe;
  info = reinterpret_cast<const start_info_t*>(probe_entry_state.rsi);
  const Machine machine(*info);
  const std::string_view words(reinterpret_cast<const char*>(info->cmd_line), sizeof info->cmd_line);
  const bool by_trap = words.contains("probe.end=trap"), by_event = words.contains("probe.end=event");
  if (by_trap || by_event) {
    tell("PROBE: ends\n");
    drain();
    by_trap ? raise_trap() : take_event(machine);
    tell("PROBE: FAILED 1: that was no end\n");
    end(SHUTDOWN_poweroff);
  }
  install_traps();
  report.fact("shape", std::string_view(probe_shape.name), "entry", Hex{probe_shape.entry});
  check_tables(report, machine);
  check_start_info(report, machine);
  check_cpu(report, machine);
  check_names(report, machine);
  check_content(report, machine);
  check_symbols(report, machine);
  check_module(report, machine);
  check_shared(report, machine);
  check_events(report, machine);
  check_grants(report, machine);
  tell(report.take());
  try_frames(report, machine);
  try_settings(report, machine);
  report.verdict();
  tell(report.take());
  end(SHUTDOWN_poweroff);
}
