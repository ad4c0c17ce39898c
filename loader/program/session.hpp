// The loader's whole run: disks, configuration, choice, attempts, and what happens when one fails.
//
// Unattended by default: the default entry after its countdown; one retry with the disks looked at again; then the
// configuration's fallback entries; then the menu. pvboot.on_error= chooses otherwise. Nothing here returns: a run
// ends in a kernel or in a shutdown that was asked for.
#pragma once

#include "xen/guest.hpp"
#include "xen/memory/handover.hpp"

namespace pvboot::loader {

/// `version` is the text of the first console line; `wipe` is memory of ours that nobody may read after us.
[[noreturn]] void run_session(xen::Guest& guest, xen::AddressSpace& memory, std::string_view version,
                              std::span<const xen::WipeRange> wipe);

} // namespace pvboot::loader
