// The end of the domain, once its last words have left the console.
#pragma once

#include "xen/console.hpp"
#include "xen/shutdown.hpp"

namespace pvboot::loader {

[[noreturn]] void end_domain(xen::Console& console, xen::ShutdownReason reason);

} // namespace pvboot::loader
