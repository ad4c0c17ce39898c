// The end of a loader that cannot go on: a report on every console there is, then SHUTDOWN_crash, so that the host's
// on_crash= applies. Works without heap, and at any moment of the start.
#pragma once

#include "xen/console.hpp"

#include <string_view>

namespace pvboot::xen {

/// Where reports go besides Xen's own console.
void set_crash_console(Console* console);

/// Text of a report; may be called several times before crash().
void report(std::string_view text);
void report_hex(std::string_view label, std::uint64_t value);

[[noreturn]] void crash();
[[noreturn]] inline void crash(std::string_view why) {
  report(why);
  crash();
}

} // namespace pvboot::xen
