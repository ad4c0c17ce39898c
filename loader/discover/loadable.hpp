// Whether an entry names a file that could be a kernel for a PV guest: what can be told before any file is opened.
#pragma once

#include "base/result.hpp"
#include "config/entry.hpp"

namespace pvboot::loader {

/// Code::unsupported with what the entry is instead: another configuration, a restart or a stop of the guest, a boot
/// sector, a kernel with both initrds and multiboot modules, of which start_info has room for one.
Result<void> check_loadable(const config::Entry& entry);

} // namespace pvboot::loader
