// What dom0 sent along: the file of the xl config's ramdisk=, which for pvboot is the text of a configuration.
#pragma once

#include "xen/memory/address_space.hpp"

#include <string>

namespace pvboot::loader {

/// Leaves zeroes where it was read. Empty when there is none. Code::too_large for more than a configuration may have;
/// what mapping it fails with.
Result<std::string> read_sent_along(const xen::StartInfo& start, xen::AddressSpace& memory);

} // namespace pvboot::loader
