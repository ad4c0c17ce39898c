// Event channels by polling [xen/event_channel.h]: upcalls stay masked, waiting is SCHEDOP_poll with a time limit.
//
// The way to wait without losing an event: look at the ring; if there is nothing, wait() on its port; look again.
// wait() clears the pending bits of its ports after it wakes and before the caller looks, so an event that comes
// later ends the next wait at once. It may also return early for no reason at all.
#pragma once

#include "xen/clock.hpp"
#include "xen/hypercall/call.hpp"
#include "xen/start_info.hpp"

#include <span>

namespace pvboot::xen {

class EventChannels {
public:
  static constexpr std::size_t max_ports_a_wait = 128; ///< Xen's own limit on SCHEDOP_poll

  explicit EventChannels(shared_info_t& shared);

  /// A new port that `remote` may bind to.
  Result<EventPort> allocate_unbound(DomainId remote);
  Result<void> send(EventPort port);
  Result<void> close(EventPort port);

  /// Until one of the ports has an event, or `deadline`.
  void wait(std::span<const EventPort> ports, Instant deadline);
  void wait(EventPort port, Instant deadline) { wait(std::span(&port, 1), deadline); }

  /// Whether an event came since the last clear.
  bool pending(EventPort port) const;
  void clear(EventPort port);

private:
  shared_info_t& shared_;
};

} // namespace pvboot::xen
