// What a started guest has: the services that the rest of the loader works with, brought up once at the start.
//
// This is the seam between PV and (later) PVH: how the start-of-day information is found, how the shared, console,
// store and grant pages come to be mapped, is in xen/arch/x86_64/; whoever uses a Guest does not see it.
#pragma once

#include "xen/block/blkfront.hpp"
#include "xen/console.hpp"
#include "xen/start_info.hpp"

namespace pvboot::xen {

struct Guest {
  StartInfo start;
  shared_info_t& shared;
  EventChannels& events;
  const Clock& clock;
  Console& console;
  XenStore* store; ///< none in the initial domain
  GrantTable& grants;

  /// Where windows outside the bootstrap region are in use, their AddressSpace takes the place of this.
  const FrameLookup& frames;

  /// The start_info page as it came in, for those who pass parts of it on.
  const start_info_t& raw_start;
};

} // namespace pvboot::xen
