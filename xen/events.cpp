#include "xen/events.hpp"

#include "xen/hypercall/event.hpp"
#include "xen/hypercall/sched.hpp"

#include <algorithm>
#include <array>

namespace pvboot::xen {

namespace {
constexpr unsigned word_bits = 64;
constexpr std::uint32_t port_count = EVTCHN_2L_NR_CHANNELS;
} // namespace

EventChannels::EventChannels(shared_info_t& shared) : shared_(shared) {
  // Nothing is ever delivered by upcall: an exception frame on the stack of running code would be one
  // [xen-abi.md part C].
  __atomic_store_n(&shared_.vcpu_info[0].evtchn_upcall_mask, std::uint8_t{1}, __ATOMIC_SEQ_CST);
}

Result<EventPort> EventChannels::allocate_unbound(DomainId remote) {
  AllocUnbound call(remote);
  TRY(issue(call));
  if (call.port().value >= port_count)
    return fail(Code::too_large, "event channel past the 2-level ABI");
  clear(call.port());
  return call.port();
}

Result<void> EventChannels::send(EventPort port) {
  TRY(issue(SendEvent(port)));
  return {};
}

Result<void> EventChannels::close(EventPort port) {
  TRY(issue(ClosePort(port)));
  if (port.value < port_count)
    clear(port);
  return {};
}

bool EventChannels::pending(EventPort port) const {
  const auto word = __atomic_load_n(&shared_.evtchn_pending[port.value / word_bits], __ATOMIC_ACQUIRE);
  return (word >> (port.value % word_bits) & 1) != 0;
}

void EventChannels::clear(EventPort port) {
  if (port.value < port_count)
    __atomic_fetch_and(&shared_.evtchn_pending[port.value / word_bits], ~(1ul << (port.value % word_bits)),
                       __ATOMIC_SEQ_CST);
}

void EventChannels::wait(std::span<const EventPort> ports, Instant deadline) {
  std::array<evtchn_port_t, max_ports_a_wait> numbers;
  const std::size_t count = std::min(ports.size(), numbers.size());
  std::transform(ports.begin(), ports.begin() + count, numbers.begin(), [](EventPort p) { return p.value; });
  // 0 would mean no limit. An error ends the wait early, which callers are ready for.
  (void)issue(Poll(std::span(numbers).first(count), std::max<std::uint64_t>(deadline.nanoseconds, 1)));
  for (const EventPort port : ports)
    clear(port);
}

} // namespace pvboot::xen
