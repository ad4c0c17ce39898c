// The data that the trampoline's code works from: it lies behind the code in one page, which both address spaces map
// [xen/arch/x86_64/trampoline.S].
#pragma once

#include "base/units.hpp"
#include "xen/abi/xen.hpp"
#include "xen/arch/x86_64/trampoline_layout.h"

namespace pvboot::xen {

struct TrampolineBlock {
  struct Wipe {
    std::uint64_t address, words;
  };
  struct Call {
    std::uint64_t number, args[4];
  };
  std::uint64_t wipe_count;
  Wipe wipes[TRAMPOLINE_WIPES]; ///< addresses of ours, in units of 8 bytes
  std::uint64_t call_count;
  Call calls[TRAMPOLINE_CALLS]; ///< on our tables; the last one maps this page at `landing`
  std::uint64_t landing;
  mmuext_op_t switch_ops[3]; ///< NEW_BASEPTR, NEW_USER_BASEPTR, UNPIN
  std::uint64_t entry, start_info, stack;
  std::uint32_t mxcsr;
  sched_shutdown_t shutdown; ///< what the domain ends with when Xen refuses
  std::uint32_t shutdown_command;
  std::uint32_t unused;
};

static_assert(offsetof(TrampolineBlock, wipe_count) + TRAMPOLINE_BLOCK == TRAMPOLINE_WIPE_COUNT);
static_assert(offsetof(TrampolineBlock, wipes) + TRAMPOLINE_BLOCK == TRAMPOLINE_WIPE_LIST);
static_assert(offsetof(TrampolineBlock, call_count) + TRAMPOLINE_BLOCK == TRAMPOLINE_CALL_COUNT);
static_assert(offsetof(TrampolineBlock, calls) + TRAMPOLINE_BLOCK == TRAMPOLINE_CALL_LIST);
static_assert(offsetof(TrampolineBlock, landing) + TRAMPOLINE_BLOCK == TRAMPOLINE_LANDING);
static_assert(offsetof(TrampolineBlock, switch_ops) + TRAMPOLINE_BLOCK == TRAMPOLINE_SWITCH_OPS);
static_assert(offsetof(TrampolineBlock, entry) + TRAMPOLINE_BLOCK == TRAMPOLINE_ENTRY);
static_assert(offsetof(TrampolineBlock, start_info) + TRAMPOLINE_BLOCK == TRAMPOLINE_START_INFO);
static_assert(offsetof(TrampolineBlock, stack) + TRAMPOLINE_BLOCK == TRAMPOLINE_STACK);
static_assert(offsetof(TrampolineBlock, mxcsr) + TRAMPOLINE_BLOCK == TRAMPOLINE_MXCSR);
static_assert(offsetof(TrampolineBlock, shutdown) + TRAMPOLINE_BLOCK == TRAMPOLINE_SHUTDOWN);
static_assert(offsetof(TrampolineBlock, shutdown_command) + TRAMPOLINE_BLOCK == TRAMPOLINE_SHUTDOWN_COMMAND);
static_assert(sizeof(TrampolineBlock) + TRAMPOLINE_BLOCK == TRAMPOLINE_END);

} // namespace pvboot::xen
