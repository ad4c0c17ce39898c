// What the target finds in its pages besides its own kernel: start_info and the hypercall page.
#pragma once

#include "xen/abi/xen.hpp"
#include "xen/memory/start_of_day.hpp"

#include <array>
#include <cstddef>

namespace pvboot::xen {

/// Every field [xen/xen.h: struct start_info]; what belongs to the domain is taken from `incoming`, our own.
start_info_t compose_start_info(const StartOfDay& layout, const start_info_t& incoming);

/// 128 stubs of 32 bytes, one a hypercall; what Xen itself writes into a hypercall page.
std::array<std::byte, page_size> compose_hypercall_page();

} // namespace pvboot::xen
