// The boot vCPU and shared_info as a fresh domain has them [xen-abi.md part B, "Reset before the jump"].
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/cpu.hpp"
#include "xen/hypercall/misc.hpp"
#include "xen/hypercall/mmu.hpp"
#include "xen/hypercall/sched.hpp"

#include <variant>
#include <vector>

namespace pvboot::xen {

using ResetStep = std::variant<SetTimer, RegisterCallback, SetTrapTable, SetGdt, MmuExt, SetDebugreg, SetIopl, VmAssist,
                               StackSwitch, FpuTaskswitch>;

/// All steps but those that the trampoline must take itself (segment bases, FPU registers, page tables), in order.
std::vector<ResetStep> vcpu_reset_steps(GuestVirt kernel_stack);

/// Takes every step. What a Xen does not have, it cannot have kept: a step that is refused is no failure.
void take(const std::vector<ResetStep>& steps);

/// No upcall from now on, on any vCPU.
void mask_upcalls(shared_info_t& shared);

/// Event channels and everything that a guest writes there as it was at the domain's birth; clock and time stay.
/// mask_upcalls() comes first and is kept.
void reset_shared_info(shared_info_t& shared);

} // namespace pvboot::xen
