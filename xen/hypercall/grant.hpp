// grant_table_op [xen/grant_table.h]. Each operation carries a status of its own besides the hypercall's result:
// grant_status() turns it into a Result.
#pragma once

#include "xen/hypercall/call.hpp"

#include <span>

namespace pvboot::xen {

/// GNTST_* as a Result.
Result<void> grant_status(std::int16_t status);

namespace detail {
template <typename Arg> RawCall grant_op(unsigned command, const Arg& arg) {
  return {__HYPERVISOR_grant_table_op, {command, address(&arg), 1}};
}
} // namespace detail

/// The frames of the table, made to be at least `frames.size()`; may be repeated.
struct SetupGrantTable {
  explicit SetupGrantTable(std::span<xen_pfn_t> frames) : arg{} {
    arg.dom = DOMID_SELF;
    arg.nr_frames = static_cast<std::uint32_t>(frames.size());
    set_xen_guest_handle(arg.frame_list, frames.data());
  }
  gnttab_setup_table_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_setup_table, arg); }
};
struct QueryGrantSize {
  explicit QueryGrantSize(DomainId domain = DomainId::self()) : arg{} { arg.dom = domain.value; }
  gnttab_query_size_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_query_size, arg); }
};
struct GetGrantVersion {
  explicit GetGrantVersion(DomainId domain = DomainId::self()) : arg{} { arg.dom = domain.value; }
  gnttab_get_version_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_get_version, arg); }
};
struct SetGrantVersion {
  explicit SetGrantVersion(std::uint32_t version) : arg{.version = version} {}
  gnttab_set_version_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_set_version, arg); }
};
/// Maps another domain's grant at `host_addr`; `flags` of GNTMAP_*.
struct MapGrant {
  MapGrant(DomainId owner, grant_ref_t ref, std::uint64_t host_addr, std::uint32_t flags) : arg{} {
    arg.host_addr = host_addr;
    arg.flags = flags;
    arg.ref = ref;
    arg.dom = owner.value;
  }
  gnttab_map_grant_ref_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_map_grant_ref, arg); }
};
struct UnmapGrant {
  UnmapGrant(std::uint64_t host_addr, grant_handle_t handle) : arg{} {
    arg.host_addr = host_addr;
    arg.handle = handle;
  }
  gnttab_unmap_grant_ref_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_unmap_grant_ref, arg); }
};
/// Xen copies between frames of two domains.
struct CopyGrant {
  explicit CopyGrant(const gnttab_copy_t& copy) : arg(copy) {}
  gnttab_copy_t arg;
  RawCall raw() const { return detail::grant_op(GNTTABOP_copy, arg); }
};

} // namespace pvboot::xen
