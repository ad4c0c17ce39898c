// Hypercalls as the probe makes them: bare, and only over the public headers. The loader's typed layer is not used,
// because its encoding is one of the things that the probe could otherwise not find wrong.
#pragma once

#include "base/units.hpp"
#include "xen/abi/xen.hpp"
#include "xen/arch/x86_64/hypervisor_of_build.hpp"

#include <xen/memory.h>
#include <xen/physdev.h>

namespace pvboot::probe {

template <typename T> std::uint64_t at(const T* object) { return reinterpret_cast<std::uint64_t>(object); }

template <typename... Arguments> long call(unsigned number, Arguments... arguments) {
  return xen::PvHypervisor::hypercall(number, static_cast<std::uint64_t>(arguments)...);
}

template <typename Argument> long sched_op(unsigned command, const Argument& argument) {
  return call(__HYPERVISOR_sched_op, command, at(&argument));
}
template <typename Argument> long event_op(unsigned command, Argument& argument) {
  return call(__HYPERVISOR_event_channel_op, command, at(&argument));
}
template <typename Argument> long grant_op(unsigned command, Argument& argument) {
  return call(__HYPERVISOR_grant_table_op, command, at(&argument), 1);
}
template <typename Argument> long memory_op(unsigned command, Argument& argument) {
  return call(__HYPERVISOR_memory_op, command, at(&argument));
}
inline long vcpu_op(unsigned command, unsigned vcpu, std::uint64_t argument = 0) {
  return call(__HYPERVISOR_vcpu_op, command, vcpu, argument);
}
inline long map_at(const void* page, std::uint64_t entry) {
  return call(__HYPERVISOR_update_va_mapping, at(static_cast<const std::byte*>(page)), entry, UVMF_INVLPG | UVMF_LOCAL);
}

} // namespace pvboot::probe
