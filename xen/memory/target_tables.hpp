// The target's page tables: built in the frames that the layout names, as ordinary memory, before Xen types them.
//
// L1 entries: P|RW|A, without RW for the tables themselves; upper levels: P|RW|A|D|US; absent entries 0
// [xen-abi.md part A]. The FrameMap must be final: entries hold machine frames.
#pragma once

#include "xen/memory/address_space.hpp"
#include "xen/memory/start_of_day.hpp"

namespace pvboot::xen {

/// Fills layout.page_tables and, where the P2M's tables are rebuilt, those too. Everything is mapped only while it is
/// filled. The machine frame of the new L4.
Result<Mfn> build_target_tables(AddressSpace& memory, const StartOfDay& layout);

} // namespace pvboot::xen
