#include "xen/hypercall/call.hpp"

#include "base/text.hpp"

#include <iterator>

namespace pvboot::xen {

namespace {

struct Meaning {
  long value; // [xen/errno.h]
  Code code;
  const char* message;
};

constexpr Meaning meanings[] = {
    {XEN_EPERM, Code::denied, "Xen does not permit this (EPERM)"},
    {XEN_EACCES, Code::denied, "Xen denies access (EACCES)"},
    {XEN_ENOENT, Code::not_found, "Xen knows no such thing (ENOENT)"},
    {XEN_ESRCH, Code::not_found, "Xen knows no such domain (ESRCH)"},
    {XEN_ENOMEM, Code::out_of_memory, "Xen is out of memory (ENOMEM)"},
    {XEN_ENOSPC, Code::out_of_memory, "Xen has no room left (ENOSPC)"},
    {XEN_EFAULT, Code::invalid, "Xen could not read the arguments (EFAULT)"},
    {XEN_EINVAL, Code::invalid, "Xen refuses the arguments (EINVAL)"},
    {XEN_ENOSYS, Code::unsupported, "this Xen does not have the call (ENOSYS)"},
    {XEN_EOPNOTSUPP, Code::unsupported, "this Xen does not support the call (EOPNOTSUPP)"},
    {XEN_EBUSY, Code::denied, "Xen says it is in use (EBUSY)"},
    {XEN_EEXIST, Code::denied, "Xen says it exists already (EEXIST)"},
    {XEN_E2BIG, Code::too_large, "Xen says it is too much (E2BIG)"},
    {XEN_EAGAIN, Code::denied, "Xen says to try again (EAGAIN)"},
};

constexpr const char* names[] = {
    "set_trap_table",
    "mmu_update",
    "set_gdt",
    "stack_switch",
    "set_callbacks",
    "fpu_taskswitch",
    "sched_op_compat",
    "platform_op",
    "set_debugreg",
    "get_debugreg",
    "update_descriptor",
    "hypercall 11",
    "memory_op",
    "multicall",
    "update_va_mapping",
    "set_timer_op",
    "event_channel_op_compat",
    "xen_version",
    "console_io",
    "physdev_op_compat",
    "grant_table_op",
    "vm_assist",
    "update_va_mapping_otherdomain",
    "iret",
    "vcpu_op",
    "set_segment_base",
    "mmuext_op",
    "xsm_op",
    "nmi_op",
    "sched_op",
    "callback_op",
    "xenoprof_op",
    "event_channel_op",
    "physdev_op",
    "hvm_op",
};
static_assert(std::size(names) == __HYPERVISOR_hvm_op + 1);

} // namespace

const char* name_of_hypercall(unsigned number) { return number < std::size(names) ? names[number] : "hypercall"; }

Error error_of(unsigned number, long result) {
  const std::string_view place = name_of_hypercall(number);
  for (const Meaning& m : meanings)
    if (m.value == -result)
      return Error(m.code, m.message).at(place);
  return Error(Code::denied, "Xen refuses the call").at("errno " + dec(static_cast<std::uint64_t>(-result))).at(place);
}

} // namespace pvboot::xen
