// Exceptions of our own: a handler for every vector that reports and stops the domain. Nothing is ever resumed.
#pragma once

#include "xen/abi/xen.hpp"

namespace pvboot::xen {

/// Before anything that could fault.
void install_exception_handlers();

/// Where the address of a page fault is found, once shared_info is mapped.
void set_fault_information(const vcpu_info_t* vcpu);

} // namespace pvboot::xen
