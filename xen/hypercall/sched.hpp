// Giving up the CPU, waiting, ending: sched_op, and the one-shot timer [xen/sched.h, xen/xen.h].
#pragma once

#include "xen/hypercall/call.hpp"

#include <span>

namespace pvboot::xen {

struct Yield {
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_yield}}; }
};

/// Blocks until an upcall is due, and unmasks upcalls to do so: not for a loader that keeps them masked.
struct Block {
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_block}}; }
};

/// `reason` is one of SHUTDOWN_*.
struct Shutdown {
  explicit Shutdown(unsigned reason) : arg{.reason = reason} {}
  sched_shutdown_t arg;
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_shutdown, address(&arg)}}; }
};
/// Says why the domain will end, without ending it.
struct ShutdownCode {
  explicit ShutdownCode(unsigned reason) : arg{.reason = reason} {}
  sched_shutdown_t arg;
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_shutdown_code, address(&arg)}}; }
};

/// Blocks until one of the ports is pending, masked or not; returns at once when one already is. `timeout` is an
/// absolute system time in nanoseconds, 0 for none.
struct Poll {
  Poll(std::span<const evtchn_port_t> ports, std::uint64_t timeout) : arg{} {
    set_xen_guest_handle(arg.ports, const_cast<evtchn_port_t*>(ports.data()));
    arg.nr_ports = static_cast<unsigned>(ports.size());
    arg.timeout = timeout;
  }
  sched_poll_t arg;
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_poll, address(&arg)}}; }
};

/// id 0 with a timeout (seconds) makes a watchdog and returns its id; a known id re-arms it, or ends it with 0.
struct Watchdog {
  Watchdog(std::uint32_t id, std::uint32_t timeout) : arg{.id = id, .timeout = timeout} {}
  sched_watchdog_t arg;
  RawCall raw() const { return {__HYPERVISOR_sched_op, {SCHEDOP_watchdog, address(&arg)}}; }
};

/// VIRQ_TIMER at an absolute system time; 0 stops the timer.
struct SetTimer {
  std::uint64_t deadline = 0;
  RawCall raw() const { return {__HYPERVISOR_set_timer_op, {deadline}}; }
};

} // namespace pvboot::xen
