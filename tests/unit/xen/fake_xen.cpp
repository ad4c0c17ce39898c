#include "fake_xen.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {
constexpr std::size_t first_port = 10; // below: the domain builder's own
}

std::optional<Mfn> HostFrames::frame_of(const void* address) const {
  const auto page = reinterpret_cast<std::uintptr_t>(address) / page_size;
  if (forbidden != nullptr && page == reinterpret_cast<std::uintptr_t>(forbidden) / page_size)
    return std::nullopt;
  const auto [known, fresh] = numbers_.try_emplace(page, pages_.size());
  if (fresh)
    pages_.push_back(page);
  return Mfn{known->second};
}

std::byte* HostFrames::page_of(std::uint64_t frame) const {
  return reinterpret_cast<std::byte*>(pages_.at(frame) * page_size);
}

FakeXen::FakeXen(std::size_t grant_entries)
    : entries(grant_entries), open_ports(first_port, true), grants(entries), installed_(*this) {
  // Nanoseconds are ticks: 2 * 2^31 / 2^32.
  shared.vcpu_info[0].time.version = 2;
  shared.vcpu_info[0].time.tsc_to_system_mul = 1u << 31;
  shared.vcpu_info[0].time.tsc_shift = 1;
}

void FakeXen::raise(EventPort port) { shared.evtchn_pending[port.value / 64] |= 1ul << port.value % 64; }

std::size_t FakeXen::grants_in_use() const {
  return static_cast<std::size_t>(std::ranges::count_if(entries, [](const auto& e) { return e.flags != 0; }));
}

std::size_t FakeXen::ports_open() const {
  return static_cast<std::size_t>(std::count(open_ports.begin() + first_port, open_ports.end(), true));
}

long FakeXen::hypercall(unsigned number, const HypercallArgs& args) {
  const auto command = static_cast<unsigned>(args[0]);
  void* arg = reinterpret_cast<void*>(args[1]);
  if (number == __HYPERVISOR_event_channel_op)
    return event_op(command, arg);
  if (number == __HYPERVISOR_console_io)
    return console(command, args[1], reinterpret_cast<char*>(args[2]));
  if (number == __HYPERVISOR_sched_op && command == SCHEDOP_poll)
    return poll(*static_cast<sched_poll_t*>(arg));
  if (number == __HYPERVISOR_sched_op && command == SCHEDOP_shutdown)
    throw ShutdownSeen{static_cast<sched_shutdown_t*>(arg)->reason};
  return -XEN_ENOSYS;
}

long FakeXen::console(unsigned command, std::size_t size, char* text) {
  if (command == CONSOLEIO_write) {
    console_io.append(text, size);
    return 0;
  }
  const std::size_t count = console_input.copy(text, size);
  console_input.erase(0, count);
  return static_cast<long>(count);
}

long FakeXen::event_op(unsigned command, void* arg) {
  switch (command) {
  case EVTCHNOP_alloc_unbound:
    static_cast<evtchn_alloc_unbound_t*>(arg)->port = static_cast<evtchn_port_t>(open_ports.size());
    open_ports.push_back(true);
    return 0;
  case EVTCHNOP_close: {
    const auto port = static_cast<evtchn_close_t*>(arg)->port;
    if (port >= open_ports.size() || !open_ports[port])
      return -XEN_EINVAL;
    open_ports[port] = false;
    return 0;
  }
  case EVTCHNOP_send: ++sends; return sends_fail ? -XEN_EINVAL : 0;
  default: return -XEN_ENOSYS;
  }
}

long FakeXen::poll(const sched_poll_t& arg) {
  ++polls;
  const auto pending = [&] {
    return std::any_of(arg.ports.p, arg.ports.p + arg.nr_ports,
                       [&](evtchn_port_t port) { return events.pending({port}); });
  };
  const auto run_all = [&] {
    for (Peer* peer : std::vector(peers))
      peer->run();
  };
  run_all();
  if (!pending()) {
    // Nobody has anything for us: time passes.
    now_ns = std::max(now_ns, arg.timeout);
    run_all();
  }
  return 0;
}

} // namespace pvboot::xen
