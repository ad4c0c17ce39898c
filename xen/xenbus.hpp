// What every frontend has in common: a directory of ours and one of the backend's in xenstore, and a state in each
// [xen/io/xenbus.h].
#pragma once

#include "xen/xenstore.hpp"

#include "xen/abi/io.hpp"

namespace pvboot::xen {

enum class BusState : std::uint8_t {
  unknown = XenbusStateUnknown,
  initialising = XenbusStateInitialising,
  init_wait = XenbusStateInitWait,
  initialised = XenbusStateInitialised,
  connected = XenbusStateConnected,
  closing = XenbusStateClosing,
  closed = XenbusStateClosed,
  reconfiguring = XenbusStateReconfiguring,
  reconfigured = XenbusStateReconfigured,
};

/// The state at `directory`/state; unknown when it is missing or nonsense.
Result<BusState> read_state(XenStore& store, const std::string& directory);
Result<void> write_state(XenStore& store, const std::string& directory, BusState state, Transaction in = {});

} // namespace pvboot::xen
