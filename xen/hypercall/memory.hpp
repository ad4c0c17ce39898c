// memory_op: reservations and what Xen says about memory [xen/memory.h].
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/call.hpp"

#include <span>

namespace pvboot::xen {

/// Extents of 2^order frames. increase: `frames` is filled with MFNs. decrease: `frames` are the MFNs given back.
/// populate: `frames` holds PFNs and is filled with MFNs. Returns how many extents went through.
struct Reservation {
  enum class Command : unsigned {
    increase = XENMEM_increase_reservation,
    decrease = XENMEM_decrease_reservation,
    populate = XENMEM_populate_physmap,
  };
  Reservation(Command command_, std::span<xen_pfn_t> frames, unsigned order = 0, unsigned mem_flags = 0,
              DomainId domain = DomainId::self())
      : command(command_), arg{} {
    set_xen_guest_handle(arg.extent_start, frames.data());
    arg.nr_extents = frames.size();
    arg.extent_order = order;
    arg.mem_flags = mem_flags;
    arg.domid = domain.value;
  }
  Command command;
  xen_memory_reservation_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {static_cast<unsigned>(command), address(&arg)}}; }
};

/// Gives back `in` (MFNs of 2^in_order frames) and gets new frames for the PFNs in `out`, which become their MFNs.
struct MemoryExchange {
  MemoryExchange(std::span<xen_pfn_t> in, unsigned in_order, std::span<xen_pfn_t> out, unsigned out_order,
                 unsigned out_flags = 0, DomainId domain = DomainId::self())
      : arg{} {
    set_xen_guest_handle(arg.in.extent_start, in.data());
    arg.in.nr_extents = in.size();
    arg.in.extent_order = in_order;
    arg.in.domid = domain.value;
    set_xen_guest_handle(arg.out.extent_start, out.data());
    arg.out.nr_extents = out.size();
    arg.out.extent_order = out_order;
    arg.out.mem_flags = out_flags;
    arg.out.domid = domain.value;
  }
  xen_memory_exchange_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_exchange, address(&arg)}}; }
};

/// The highest machine frame of the host.
struct MaximumRamPage {
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_maximum_ram_page}}; }
};

/// A number about one domain.
struct DomainMemory {
  enum class Question : unsigned {
    current_reservation = XENMEM_current_reservation,
    maximum_reservation = XENMEM_maximum_reservation,
    maximum_pfn = XENMEM_maximum_gpfn,
  };
  explicit DomainMemory(Question question_, DomainId domain = DomainId::self())
      : question(question_), arg{.domid = domain.value} {}
  Question question;
  xen_memory_domain arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {static_cast<unsigned>(question), address(&arg)}}; }
};

/// Where the M2P is mapped and how far it reaches.
struct MachphysMapping {
  xen_machphys_mapping_t arg{};
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_machphys_mapping, address(&arg)}}; }
};
/// The frames that hold the M2P, one for each 2 MiB of it.
struct MachphysMfnList {
  explicit MachphysMfnList(std::span<xen_pfn_t> frames) : arg{} {
    arg.max_extents = static_cast<unsigned>(frames.size());
    set_xen_guest_handle(arg.extent_start, frames.data());
  }
  xen_machphys_mfn_list_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_machphys_mfn_list, address(&arg)}}; }
};

/// The domain's E820 map; nr_entries becomes the number filled.
struct MemoryMap {
  MemoryMap(void* entries, unsigned count) : arg{} {
    arg.nr_entries = count;
    set_xen_guest_handle(arg.buffer, entries);
  }
  xen_memory_map_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_memory_map, address(&arg)}}; }
};

/// Auto-translated guests only: puts a special frame at a PFN.
struct AddToPhysmap {
  AddToPhysmap(unsigned space, std::uint64_t index, Pfn at, DomainId domain = DomainId::self()) : arg{} {
    arg.domid = domain.value;
    arg.space = space;
    arg.idx = index;
    arg.gpfn = at.value;
  }
  xen_add_to_physmap_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_add_to_physmap, address(&arg)}}; }
};
struct RemoveFromPhysmap {
  explicit RemoveFromPhysmap(Pfn at, DomainId domain = DomainId::self())
      : arg{.domid = domain.value, .gpfn = at.value} {}
  xen_remove_from_physmap_t arg;
  RawCall raw() const { return {__HYPERVISOR_memory_op, {XENMEM_remove_from_physmap, address(&arg)}}; }
};

} // namespace pvboot::xen
