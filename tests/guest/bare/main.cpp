// The least that Xen can start: it prints the time of Xen's clock at its first instructions and shuts down.
//
// Linked with notes of its own it is the guest whose start costs nothing but Xen and xl. Its code alone, planted over
// the entry of another kernel (tests/bench/planted.py), says when that kernel was entered: so it depends on nothing
// but what every kernel finds [xen-abi.md, part A]: rsi is start_info's address, the xenstore page follows it, then
// the console's. No stack is needed beyond the boot stack, no SSE, no data.
#include "base/units.hpp"
#include "xen/clock.hpp"
#include "xen/hypervisor.hpp"

#include "xen/abi/io.hpp"

namespace {

using namespace pvboot;
using namespace pvboot::xen;

constexpr std::uint64_t present_writable = 0x3;

std::uint64_t address(const volatile void* p) { return reinterpret_cast<std::uint64_t>(p); }

/// shared_info takes the place of the xenstore page, which this guest does not need.
const shared_info_t& shared_info_of(const start_info_t& start) {
  const std::uint64_t at = address(&start) + page_size;
  Hypervisor::hypercall(__HYPERVISOR_update_va_mapping, at, start.shared_info | present_writable, UVMF_INVLPG);
  return *reinterpret_cast<const shared_info_t*>(at);
}

class Line {
public:
  explicit Line(xencons_interface& ring) : ring_(ring), at_(ring.out_prod) {}

  void put(char c) { ring_.out[MASK_XENCONS_IDX(at_++, ring_.out)] = c; }
  void hex(std::uint64_t value) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      const auto digit = static_cast<char>(value >> shift & 0xf);
      put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10));
    }
  }
  void send(evtchn_port_t port) {
    put('\r');
    put('\n');
    __atomic_store_n(&ring_.out_prod, at_, __ATOMIC_RELEASE);
    evtchn_send event{port};
    Hypervisor::hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, address(&event));
  }

private:
  xencons_interface& ring_;
  XENCONS_RING_IDX at_;
};

} // namespace

extern "C" [[noreturn, gnu::section(".text.entry")]] void pvboot_bare_entry(std::uint64_t, const start_info_t* start) {
  const Instant now = Clock(shared_info_of(*start).vcpu_info[0].time).now();
  Line line(*reinterpret_cast<xencons_interface*>(address(start) + 2 * page_size));
  for (const char c : {'B', 'A', 'R', 'E', ':', ' '})
    line.put(c);
  line.hex(now.nanoseconds);
  line.send(start->console.domU.evtchn);
  for (;;) {
    sched_shutdown end{SHUTDOWN_poweroff};
    Hypervisor::hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, address(&end));
  }
}
