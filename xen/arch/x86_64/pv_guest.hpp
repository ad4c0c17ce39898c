// Bringing up a PV guest from what Xen's domain builder, or another loader, left [xen-abi.md part A].
#pragma once

#include "xen/guest.hpp"

namespace pvboot::xen {

/// Called once, first of all. The Guest lives for ever. A start that cannot go on ends in crash().
Guest& start_pv_guest(const start_info_t& start);

/// The pages of the loader's image whose mappings were replaced (shared_info, rings, grant table): their own frames
/// are unmapped, and no address in them may be granted.
struct ReplacedPages {
  GuestVirt first;
  std::uint64_t count = 0;
};
ReplacedPages replaced_pages();

} // namespace pvboot::xen
