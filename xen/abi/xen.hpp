// Xen's public headers (Debian's libxen-dev) as C++ sees them; nothing of the ABI is retyped anywhere.
//
// __XEN_INTERFACE_VERSION__ must stand before the first of them: undefined it is 0, and sched_op, event_channel_op
// and physdev_op silently become the hypercall numbers of old Xens. Every file that needs the ABI includes this one
// (or one of its neighbours in xen/abi/), never <xen/...> itself.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __XEN_INTERFACE_VERSION__
#error "include xen/abi/xen.hpp before any of Xen's own headers"
#endif
// The name is the ABI's own.
#define __XEN_INTERFACE_VERSION__ 0x00040d00 // NOLINT(bugprone-reserved-identifier)

// The rings' barriers. A shared ring is ordinary cacheable memory between two x86 CPUs.
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

// The headers use what a pedantic compiler warns about.
#pragma GCC system_header

#include <xen/callback.h>
#include <xen/elfnote.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/xen.h>

static_assert(__HYPERVISOR_sched_op == 29 && __HYPERVISOR_event_channel_op == 32 && __HYPERVISOR_physdev_op == 33);
static_assert(sizeof(start_info_t) == 1168 && sizeof(shared_info_t) <= 4096);
