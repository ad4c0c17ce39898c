// The end of the domain as the host's on_poweroff=, on_reboot= and on_crash= see it [xen/sched.h].
#pragma once

#include "xen/abi/xen.hpp"

namespace pvboot::xen {

enum class ShutdownReason : unsigned {
  poweroff = SHUTDOWN_poweroff,
  reboot = SHUTDOWN_reboot,
  crash = SHUTDOWN_crash,
};

[[noreturn]] void shutdown(ShutdownReason reason);

} // namespace pvboot::xen
