// The rest of the classic table: xen_version, console_io, physdev_op, hvm_op
// [xen/version.h, xen/xen.h, xen/physdev.h, xen/hvm/hvm_op.h].
#pragma once

#include "xen/hypercall/call.hpp"

#include <span>
#include <string_view>

namespace pvboot::xen {

/// xen_version's commands; `arg` is the buffer that the command fills, null for those that return a number
/// (version: major << 16 | minor; page_size).
struct XenVersion {
  enum class Command : unsigned {
    version = XENVER_version,
    extraversion = XENVER_extraversion,
    compile_info = XENVER_compile_info,
    capabilities = XENVER_capabilities,
    changeset = XENVER_changeset,
    platform_parameters = XENVER_platform_parameters,
    get_features = XENVER_get_features,
    page_size = XENVER_pagesize,
    guest_handle = XENVER_guest_handle,
    command_line = XENVER_commandline,
    build_id = XENVER_build_id,
  };
  Command command = Command::version;
  void* arg = nullptr;
  RawCall raw() const { return {__HYPERVISOR_xen_version, {static_cast<unsigned>(command), address(arg)}}; }
};

struct ConsoleWrite {
  std::string_view text;
  RawCall raw() const { return {__HYPERVISOR_console_io, {CONSOLEIO_write, text.size(), address(text.data())}}; }
};
/// Returns the number of bytes read.
struct ConsoleRead {
  std::span<char> into;
  RawCall raw() const { return {__HYPERVISOR_console_io, {CONSOLEIO_read, into.size(), address(into.data())}}; }
};

struct SetIopl {
  explicit SetIopl(std::uint32_t iopl) : arg{.iopl = iopl} {}
  physdev_set_iopl_t arg;
  RawCall raw() const { return {__HYPERVISOR_physdev_op, {PHYSDEVOP_set_iopl, address(&arg)}}; }
};
struct SetIoBitmap {
  SetIoBitmap(std::uint8_t* bitmap, std::uint32_t ports) : arg{} {
    set_xen_guest_handle(arg.bitmap, bitmap);
    arg.nr_ports = ports;
  }
  physdev_set_iobitmap_t arg;
  RawCall raw() const { return {__HYPERVISOR_physdev_op, {PHYSDEVOP_set_iobitmap, address(&arg)}}; }
};
struct EndOfInterrupt {
  explicit EndOfInterrupt(std::uint32_t irq) : arg{.irq = irq} {}
  physdev_eoi_t arg;
  RawCall raw() const { return {__HYPERVISOR_physdev_op, {PHYSDEVOP_eoi, address(&arg)}}; }
};
struct IrqStatus {
  explicit IrqStatus(std::uint32_t irq) : arg{.irq = irq, .flags = 0} {}
  physdev_irq_status_query_t arg;
  RawCall raw() const { return {__HYPERVISOR_physdev_op, {PHYSDEVOP_irq_status_query, address(&arg)}}; }
};

/// PVH and HVM guests only; `index` is one of HVM_PARAM_*.
struct GetHvmParam {
  explicit GetHvmParam(std::uint32_t index, DomainId domain = DomainId::self())
      : arg{.domid = domain.value, .pad = 0, .index = index, .value = 0} {}
  xen_hvm_param_t arg;
  RawCall raw() const { return {__HYPERVISOR_hvm_op, {HVMOP_get_param, address(&arg)}}; }
};
struct SetHvmParam {
  SetHvmParam(std::uint32_t index, std::uint64_t value, DomainId domain = DomainId::self())
      : arg{.domid = domain.value, .pad = 0, .index = index, .value = value} {}
  xen_hvm_param_t arg;
  RawCall raw() const { return {__HYPERVISOR_hvm_op, {HVMOP_set_param, address(&arg)}}; }
};

} // namespace pvboot::xen
