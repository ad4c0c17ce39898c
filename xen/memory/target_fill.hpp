// The target's memory, all but its page tables: frames renamed into place, and what is not there yet written.
//
// First all names, then all content: page tables hold machine frames, so names must be final when they are built. The
// P2M list moves first, while its frames still lie together.
#pragma once

#include "base/bytes.hpp"
#include "xen/memory/address_space.hpp"
#include "xen/memory/kernel_pages.hpp"
#include "xen/memory/start_of_day.hpp"

#include <optional>

namespace pvboot::xen {

struct HandoverInput {
  const StartOfDay& layout;
  Window kernel;                ///< the ELF file from its first byte
  Bytes symbols;                ///< the BSD symbol table as it is to stand in memory; layout.symbols_bytes long
  std::optional<Window> initrd; ///< layout.initrd->bytes of it count
  const start_info_t& incoming;
};

/// Whether the input holds what the layout speaks of.
Result<void> check_input(const AddressSpace& memory, const HandoverInput& input);

/// The names at and above which nothing of the target lies.
FrameRange names_above(const StartOfDay& layout);

/// Kernel, initrd, P2M, console and xenstore page get their names, all other names of the target get frames that
/// nobody uses, and no frame that is or may become something else than plain memory is left in the region. Xen knows
/// all names afterwards.
Result<void> put_names_in_place(AddressSpace& memory, const HandoverInput& input, const KernelPages& pages);

/// BSS and edges of the kernel, symbols, end of the initrd, start_info, stack and hypercall page.
Result<void> fill_target(AddressSpace& memory, const HandoverInput& input, const KernelPages& pages);

} // namespace pvboot::xen
