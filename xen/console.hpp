// The guest's console, both ways, over the ring that xenconsoled serves [xen/io/console.h]; over console_io in a
// domain that has no ring.
//
// Both ring indices are masked and checked: a peer that moves its index out of range costs text, nothing else. A ring
// that is full is waited for, but only `patience` long without progress; after that nobody is reading, what does not
// fit is dropped and counted, and a guest whose console nobody reads still boots at full speed. When the reader is
// back, the text says how much is missing.
#pragma once

#include "xen/clock.hpp"
#include "xen/events.hpp"

#include "xen/abi/io.hpp"

#include <optional>
#include <string_view>

namespace pvboot::xen {

class Console {
public:
  static constexpr Duration patience = milliseconds(500);

  /// A console over console_io.
  Console(EventChannels& events, const Clock& clock) : events_(events), clock_(clock) {}
  Console(xencons_interface& ring, EventPort port, EventChannels& events, const Clock& clock)
      : ring_(&ring), port_(port), events_(events), clock_(clock) {}

  /// "\n" becomes "\r\n".
  void write(std::string_view text);

  /// The next byte that was typed, waiting up to `limit` for it. An event on `also` ends the wait as well: with a port
  /// there, nothing may come back before the limit, and whoever waits for that port looks for himself.
  std::optional<char> read_key(Duration limit, std::optional<EventPort> also = {});

  /// Waits until the reader has taken everything, at most `limit`: before a shutdown that ends the ring.
  void drain(Duration limit);

  bool has_ring() const { return ring_ != nullptr; }
  std::uint64_t bytes_lost() const { return lost_; }

private:
  void put(std::string_view bytes);
  void say_what_is_lost(std::size_t text_after);
  std::size_t put_some(std::string_view bytes);
  bool take(char& c);
  void wait_for_key(Instant deadline, std::optional<EventPort> also);

  xencons_interface* ring_ = nullptr;
  EventPort port_{};
  EventChannels& events_;
  const Clock& clock_;
  bool nobody_reads_ = false;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_unsaid_ = 0;
};

/// Text for when nothing else works any more: Xen's own console. Printed only for a privileged guest or by a debug
/// build of Xen.
void emergency_write(std::string_view text);

} // namespace pvboot::xen
