// The state of a virtual CPU: traps, descriptors, segment bases, callbacks, FPU, debug registers, vm_assist
// [xen/xen.h, xen/arch-x86/xen.h, xen/arch-x86/xen-x86_64.h, xen/callback.h, xen/nmi.h, xen/vcpu.h].
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/call.hpp"

namespace pvboot::xen {

/// `table` ends with an entry of address 0; null removes all handlers.
struct SetTrapTable {
  const trap_info_t* table = nullptr;
  RawCall raw() const { return {__HYPERVISOR_set_trap_table, {address(table)}}; }
};

/// `frames` of the descriptor pages; none with 0 entries.
struct SetGdt {
  const xen_pfn_t* frames = nullptr;
  unsigned entries = 0;
  RawCall raw() const { return {__HYPERVISOR_set_gdt, {address(frames), entries}}; }
};

/// The stack for entries from user mode.
struct StackSwitch {
  std::uint16_t ss = 0;
  GuestVirt sp;
  RawCall raw() const { return {__HYPERVISOR_stack_switch, {ss, sp.value}}; }
};

struct SetCallbacks {
  GuestVirt event, failsafe, syscall;
  RawCall raw() const { return {__HYPERVISOR_set_callbacks, {event.value, failsafe.value, syscall.value}}; }
};

/// CR0.TS set: the next FPU instruction traps.
struct FpuTaskswitch {
  bool set = false;
  RawCall raw() const { return {__HYPERVISOR_fpu_taskswitch, {set}}; }
};

struct SetDebugreg {
  unsigned reg = 0;
  std::uint64_t value = 0;
  RawCall raw() const { return {__HYPERVISOR_set_debugreg, {reg, value}}; }
};
struct GetDebugreg {
  unsigned reg = 0;
  RawCall raw() const { return {__HYPERVISOR_get_debugreg, {reg}}; }
};

enum class SegmentBase : unsigned {
  fs = SEGBASE_FS,
  gs_user = SEGBASE_GS_USER,
  gs_kernel = SEGBASE_GS_KERNEL,
  gs_user_selector = SEGBASE_GS_USER_SEL,
};
struct SetSegmentBase {
  SegmentBase which = SegmentBase::fs;
  std::uint64_t base = 0;
  RawCall raw() const { return {__HYPERVISOR_set_segment_base, {static_cast<unsigned>(which), base}}; }
};

enum class Assist : unsigned {
  four_gb_segments = VMASST_TYPE_4gb_segments,
  four_gb_segments_notify = VMASST_TYPE_4gb_segments_notify,
  writable_pagetables = VMASST_TYPE_writable_pagetables,
  pae_extended_cr3 = VMASST_TYPE_pae_extended_cr3,
  architectural_iopl = VMASST_TYPE_architectural_iopl,
  runstate_update_flag = VMASST_TYPE_runstate_update_flag,
  m2p_strict = VMASST_TYPE_m2p_strict,
};
/// For the whole domain, until it is disabled.
struct VmAssist {
  bool enable = false;
  Assist type = Assist::writable_pagetables;
  RawCall raw() const {
    return {__HYPERVISOR_vm_assist,
            {enable ? std::uint64_t{VMASST_CMD_enable} : VMASST_CMD_disable, static_cast<unsigned>(type)}};
  }
};

/// Returns to the context that stands on the stack [struct iret_context]; only for a handler that has built it.
struct Iret {
  RawCall raw() const { return {__HYPERVISOR_iret, {}}; }
};

enum class CallbackType : std::uint16_t {
  event = CALLBACKTYPE_event,
  failsafe = CALLBACKTYPE_failsafe,
  syscall = CALLBACKTYPE_syscall,
  nmi = CALLBACKTYPE_nmi,
  sysenter = CALLBACKTYPE_sysenter,
  syscall32 = CALLBACKTYPE_syscall32,
};
struct RegisterCallback {
  RegisterCallback(CallbackType type, GuestVirt handler, bool mask_events = false)
      : arg{.type = static_cast<std::uint16_t>(type),
            .flags = static_cast<std::uint16_t>(mask_events ? CALLBACKF_mask_events : 0),
            .address = handler.value} {}
  callback_register_t arg;
  RawCall raw() const { return {__HYPERVISOR_callback_op, {CALLBACKOP_register, address(&arg)}}; }
};
struct UnregisterCallback {
  explicit UnregisterCallback(CallbackType type) : arg{.type = static_cast<std::uint16_t>(type), ._unused = 0} {}
  callback_unregister_t arg;
  RawCall raw() const { return {__HYPERVISOR_callback_op, {CALLBACKOP_unregister, address(&arg)}}; }
};

struct RegisterNmi {
  explicit RegisterNmi(GuestVirt handler) : arg{.handler_address = handler.value, .pad = 0} {}
  xennmi_callback_t arg;
  RawCall raw() const { return {__HYPERVISOR_nmi_op, {XENNMI_register_callback, address(&arg)}}; }
};
struct UnregisterNmi {
  RawCall raw() const { return {__HYPERVISOR_nmi_op, {XENNMI_unregister_callback}}; }
};

/// vcpu_op on one vCPU; `arg` is the struct that the command takes, or null. What registers an area lasts for the
/// domain's life: a loader uses none of those.
struct VcpuOp {
  enum class Command : unsigned {
    initialise = VCPUOP_initialise,
    up = VCPUOP_up,
    down = VCPUOP_down,
    is_up = VCPUOP_is_up,
    get_runstate_info = VCPUOP_get_runstate_info,
    set_periodic_timer = VCPUOP_set_periodic_timer,
    stop_periodic_timer = VCPUOP_stop_periodic_timer,
    set_singleshot_timer = VCPUOP_set_singleshot_timer,
    stop_singleshot_timer = VCPUOP_stop_singleshot_timer,
    send_nmi = VCPUOP_send_nmi,
    get_physid = VCPUOP_get_physid,
  };
  Command command = Command::is_up;
  unsigned vcpu = 0;
  void* arg = nullptr;
  RawCall raw() const { return {__HYPERVISOR_vcpu_op, {static_cast<unsigned>(command), vcpu, address(arg)}}; }
};

} // namespace pvboot::xen
