// The guest's own loader as a second stage: where Debian's packages put GRUB for Xen, and where a guest can put a
// newer pvboot [Debian: grub-xen-bin, /boot/xen/pvboot-x86_64.elf].
#pragma once

#include "config/entry.hpp"
#include "loader/discover/disk_set.hpp"

#include <string_view>
#include <vector>

namespace pvboot::loader {

/// An entry for each such file on the disks, in the disks' order. `extra` is the host administrator's string: the
/// second stage gets all of it, and the word that no third stage shall follow.
std::vector<config::Entry> stage2_entries(DiskSet& disks, std::string_view extra);

/// The files' paths, for a message: "A or B".
std::string stage2_places();

} // namespace pvboot::loader
