// The checks, in the order in which they run. Those above the line only look; those below it do things that a start
// of day leaves possible, and leave the guest as they found it.
#pragma once

#include "machine.hpp"
#include "report.hpp"

namespace pvboot::probe {

/// Registers, selectors, bases, FPU, debug registers, descriptor tables.
void check_cpu(Report& report, const Machine& machine);
/// start_info field by field, and the order of the region's elements that it speaks of.
void check_start_info(Report& report, const Machine& machine);
/// All page tables from the L4 down: entries, flags, what is mapped where and how often.
void check_tables(Report& report, const Machine& machine);
/// The whole P2M against the M2P.
void check_names(Report& report, const Machine& machine);
/// What the pages of the region hold: kernel, BSS, symbols, padding, stack, rings.
void check_content(Report& report, const Machine& machine);
void check_symbols(Report& report, const Machine& machine);
void check_module(Report& report, const Machine& machine);
/// shared_info, event channels, virtual CPUs, the grant table, the memory that Xen says we have.
void check_shared(Report& report, const Machine& machine);
void check_events(Report& report, const Machine& machine);
void check_grants(Report& report, const Machine& machine);
// --
/// Every frame that is no table can be mapped writable, once: nothing else is typed, granted or pinned.
void try_frames(Report& report, const Machine& machine);
/// What can be observed of settings that Xen does not tell: vm_assist, the hypercall page, vcpu_info, the timer.
void try_settings(Report& report, const Machine& machine);

/// What a guest without handlers does not survive: an exception, and an event with upcalls unmasked.
void raise_trap();
void take_event(const Machine& machine);

/// Runs the deed; whether it ended with an exception, which `last_fault` then describes.
bool faults(void (*deed)(void*), void* with = nullptr);
struct Fault {
  std::uint64_t vector, error, rflags;
};
extern Fault last_fault;
void install_traps();

/// shared_info, mapped at a page of the probe's. After check_tables.
const shared_info_t& shared_info(const Machine& machine);

} // namespace pvboot::probe
