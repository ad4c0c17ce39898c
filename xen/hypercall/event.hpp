// event_channel_op [xen/event_channel.h]. EVTCHNOP_reset and the FIFO commands are not offered: a loader must leave
// the 2-level ports of console and xenstore alone.
#pragma once

#include "xen/hypercall/call.hpp"
#include "xen/start_info.hpp"

namespace pvboot::xen {

namespace detail {
template <typename Arg> RawCall event_op(unsigned command, const Arg& arg) {
  return {__HYPERVISOR_event_channel_op, {command, address(&arg)}};
}
} // namespace detail

/// The virtual interrupts.
enum class Virq : std::uint32_t {
  timer = VIRQ_TIMER,
  debug = VIRQ_DEBUG,
  console = VIRQ_CONSOLE,
  domain_exception = VIRQ_DOM_EXC,
  trace_buffer = VIRQ_TBUF,
  debugger = VIRQ_DEBUGGER,
  xenoprof = VIRQ_XENOPROF,
  console_ring = VIRQ_CON_RING,
  pcpu_state = VIRQ_PCPU_STATE,
  memory_event = VIRQ_MEM_EVENT,
  argo = VIRQ_ARGO,
  out_of_heap = VIRQ_ENOMEM,
  xenpmu = VIRQ_XENPMU,
  arch_0 = VIRQ_ARCH_0,
  arch_1 = VIRQ_ARCH_1,
  arch_2 = VIRQ_ARCH_2,
  arch_3 = VIRQ_ARCH_3,
  arch_4 = VIRQ_ARCH_4,
  arch_5 = VIRQ_ARCH_5,
  arch_6 = VIRQ_ARCH_6,
  arch_7 = VIRQ_ARCH_7,
};

struct AllocUnbound {
  explicit AllocUnbound(DomainId remote, DomainId domain = DomainId::self())
      : arg{.dom = domain.value, .remote_dom = remote.value, .port = 0} {}
  evtchn_alloc_unbound_t arg;
  EventPort port() const { return {arg.port}; }
  RawCall raw() const { return detail::event_op(EVTCHNOP_alloc_unbound, arg); }
};
struct BindInterdomain {
  BindInterdomain(DomainId remote, EventPort remote_port)
      : arg{.remote_dom = remote.value, .remote_port = remote_port.value, .local_port = 0} {}
  evtchn_bind_interdomain_t arg;
  EventPort port() const { return {arg.local_port}; }
  RawCall raw() const { return detail::event_op(EVTCHNOP_bind_interdomain, arg); }
};
struct BindVirq {
  explicit BindVirq(Virq virq, std::uint32_t vcpu = 0)
      : arg{.virq = static_cast<std::uint32_t>(virq), .vcpu = vcpu, .port = 0} {}
  evtchn_bind_virq_t arg;
  EventPort port() const { return {arg.port}; }
  RawCall raw() const { return detail::event_op(EVTCHNOP_bind_virq, arg); }
};
struct BindPirq {
  explicit BindPirq(std::uint32_t pirq, bool share = false)
      : arg{.pirq = pirq, .flags = share ? BIND_PIRQ__WILL_SHARE : 0u, .port = 0} {}
  evtchn_bind_pirq_t arg;
  EventPort port() const { return {arg.port}; }
  RawCall raw() const { return detail::event_op(EVTCHNOP_bind_pirq, arg); }
};
struct BindIpi {
  explicit BindIpi(std::uint32_t vcpu) : arg{.vcpu = vcpu, .port = 0} {}
  evtchn_bind_ipi_t arg;
  EventPort port() const { return {arg.port}; }
  RawCall raw() const { return detail::event_op(EVTCHNOP_bind_ipi, arg); }
};
struct ClosePort {
  explicit ClosePort(EventPort port) : arg{.port = port.value} {}
  evtchn_close_t arg;
  RawCall raw() const { return detail::event_op(EVTCHNOP_close, arg); }
};
struct SendEvent {
  explicit SendEvent(EventPort port) : arg{.port = port.value} {}
  evtchn_send_t arg;
  RawCall raw() const { return detail::event_op(EVTCHNOP_send, arg); }
};
struct PortStatus {
  explicit PortStatus(EventPort port, DomainId domain = DomainId::self()) : arg{} {
    arg.dom = domain.value;
    arg.port = port.value;
  }
  evtchn_status_t arg; ///< filled: status is one of EVTCHNSTAT_*
  RawCall raw() const { return detail::event_op(EVTCHNOP_status, arg); }
};
struct BindVcpu {
  BindVcpu(EventPort port, std::uint32_t vcpu) : arg{.port = port.value, .vcpu = vcpu} {}
  evtchn_bind_vcpu_t arg;
  RawCall raw() const { return detail::event_op(EVTCHNOP_bind_vcpu, arg); }
};
struct UnmaskPort {
  explicit UnmaskPort(EventPort port) : arg{.port = port.value} {}
  evtchn_unmask_t arg;
  RawCall raw() const { return detail::event_op(EVTCHNOP_unmask, arg); }
};

} // namespace pvboot::xen
