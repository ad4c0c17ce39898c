// The handover: from a layout and a loaded kernel to the kernel's first instruction [xen-abi.md part B].
//
//   auto memory = TRY(AddressSpace::adopt(start, image_base));          // once, at the start
//   Window kernel = TRY(memory->map_new(pages_for(elf_bytes), Purpose::target));
//   ... stream the ELF file, from its first byte, into kernel.span(); parse; lay out ...
//   Window initrd = TRY(memory->map_near(layout.initrd->frames, Purpose::target));
//   ... read the initrd into initrd.span(); release all other windows ...
//   auto handover = TRY(Handover::prepare(*memory, {layout, kernel, symbols, initrd, raw_start_info}));
//   ... close the disks, end grants, close ports, reset the watches ...
//   handover.jump(shared_info, secrets);                                 // does not return
//
// prepare() does all that can fail: it renames frames into place, fills what the target gets besides its kernel
// (P2M, start_info, page tables, stack, hypercall page), and has Xen validate and pin the new page tables. We still
// run on our own tables and everything of ours still works, devices included. When it fails, or when the caller
// thinks better of it (abandon()), memory is sound and another target can be prepared; the kernel and initrd windows
// of the attempt must be loaded again, because edge pages of theirs have been given new names.
//
// jump() resets the vCPU and shared_info to what a fresh domain has, wipes what it is told to and what was read beside
// the kernel, and leaves through a page that both address spaces map. From there only Xen's word on the switch is left:
// if it is no, the domain ends with SHUTDOWN_crash.
#pragma once

#include "xen/memory/target_fill.hpp"

#include <span>

namespace pvboot::xen {

/// Memory of ours whose content nobody may see after us: image data, heap, stack.
struct WipeRange {
  GuestVirt address;
  std::uint64_t bytes = 0;
};

class Handover {
public:
  static Result<Handover> prepare(AddressSpace& memory, const HandoverInput& input);

  /// Takes the pinned tables apart again; the target's claims on memory end.
  Result<void> abandon();

  static constexpr std::size_t most_wipes = 16;

  /// All devices are closed, all ports but console and store, all grants but 0 and 1. The ranges of `wipe` are aligned
  /// to 8 bytes and mapped; with more than most_wipes of them the domain ends in crash(), before anything is reset.
  [[noreturn]] void jump(shared_info_t& shared, std::span<const WipeRange> wipe);

private:
  explicit Handover(AddressSpace& memory) : memory_(&memory) {}
  Result<void> prepare_trampoline(const StartOfDay& layout);
  void fill_trampoline(std::span<const WipeRange> wipe);

  AddressSpace* memory_;
  std::vector<WipeRange> remains_; ///< pages of the kernel's file that the target does not take: its headers, its edges
  Mfn new_root_;
  Window trampoline_; ///< the page at an address of ours
  Mfn trampoline_frame_;
  GuestVirt landing_; ///< the page where the target's tables have it
  GuestVirt entry_, start_info_, stack_;
};

} // namespace pvboot::xen
