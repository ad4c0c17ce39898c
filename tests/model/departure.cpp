#include "tests/model/departure.hpp"

#include "xen/memory/trampoline.hpp"

#include <algorithm>

namespace pvboot::model {

void TrampolineRun::leave(GuestVirt page) {
  left_ = true;
  xen_.guest_addresses(true);
  const auto block_at = [&](GuestVirt at) {
    xen::TrampolineBlock block;
    std::memcpy(&block, xen_.touch(at + TRAMPOLINE_BLOCK, false), sizeof block);
    return block;
  };
  const xen::TrampolineBlock block = block_at(page);
  const auto crash = [&] { throw Shutdown(block.shutdown.reason); };

  for (std::uint64_t i = 0; i < block.wipe_count; ++i)
    for (std::uint64_t at = block.wipes[i].address, end = at + block.wipes[i].words * 8; at < end;) {
      const std::uint64_t part = std::min(end - at, page_size - at % page_size);
      std::memset(xen_.touch(GuestVirt{at}, true), 0, part);
      at += part;
    }
  xen_.vcpu().fs_base = 0x4321; // null selectors do not clear a base on every CPU
  for (std::uint64_t i = 0; i < block.call_count; ++i) {
    const auto& call = block.calls[i];
    if (xen_.hypercall(static_cast<unsigned>(call.number),
                       {call.args[0], call.args[1], call.args[2], call.args[3], 0}) < 0)
      crash();
  }

  // The code goes on at the landing, and takes everything from there.
  const GuestVirt landing{block.landing & ~(page_size - 1)};
  if (xen_.hypercall(__HYPERVISOR_mmuext_op, {landing.value + TRAMPOLINE_SWITCH_OPS, 3, 0, DOMID_SELF, 0}) < 0)
    crash();
  const xen::TrampolineBlock after = block_at(landing);
  xen_.touch(landing + (page_size - 8), true); // its stack
  throw Entered{GuestVirt{after.entry}, GuestVirt{after.start_info}, GuestVirt{after.stack}, after.mxcsr};
}

} // namespace pvboot::model
