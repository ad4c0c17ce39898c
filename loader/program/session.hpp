// The loader's whole run: disks, configuration, choice, attempts, and what happens when one fails.
//
// Unattended by default: the default entry after its countdown; one retry with the disks looked at again; then the
// configuration's fallback entries; then the menu. pvboot.on_error= chooses otherwise. Nothing here returns: a run
// ends in a kernel or in a shutdown that was asked for.
#pragma once

#include "xen/guest.hpp"
#include "xen/memory/handover.hpp"

namespace pvboot::loader {

/// What the session is told of the program that it runs in.
struct Program {
  std::string version;                    ///< the text of the first console line
  std::uint64_t image_bytes = 0;          ///< code, data, heap and stack
  std::span<const xen::WipeRange> wipe{}; ///< memory of ours that nobody may read after us
};

[[noreturn]] void run_session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program);

} // namespace pvboot::loader
