// Virtual device numbers and their names [xen: docs/misc/vbd-interface.txt]: 51712 is xvda, 768 is hda, 2048 is sda,
// and (1 << 28 | n << 8) is the extended form for xvd disks past the 16th.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pvboot::xen {

/// "xvda", "hdc", "sdb3", "xvdaa"; "vbd-12345" for a number that follows no scheme.
std::string vdev_name(std::uint64_t vdev);

} // namespace pvboot::xen
