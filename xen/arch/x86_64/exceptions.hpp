// Exceptions of our own: a handler for every vector that reports and stops the domain. Nothing is ever resumed.
//
// One is not reported: running over the end of the stack. Xen puts the frame of an exception in guest-kernel mode where
// rsp points, whatever stack_switch has said, and a guest whose frame cannot be written is crashed by Xen itself, with
// a line in Xen's own log. The host's on_crash= applies all the same.
#pragma once

#include "xen/abi/xen.hpp"

namespace pvboot::xen {

/// Before anything that could fault.
void install_exception_handlers();

/// Where the address of a page fault is found, once shared_info is mapped.
void set_fault_information(const vcpu_info_t* vcpu);

} // namespace pvboot::xen
