#include "xen/memory/handover.hpp"

#include "xen/crash.hpp"
#include "xen/memory/pte.hpp"
#include "xen/memory/target_tables.hpp"
#include "xen/memory/touch.hpp"
#include "xen/memory/trampoline.hpp"
#include "xen/memory/vcpu_reset.hpp"

#include <leave_of_build.hpp>

#include <algorithm>

namespace pvboot::xen {

namespace {

constexpr std::uint32_t mxcsr_default = 0x1f80;
constexpr std::uint64_t word = sizeof(std::uint64_t);

/// The pages of the kernel's window that stay ours when the whole ones have gone to the target.
std::vector<WipeRange> remains_of(const Window& window, std::vector<WholePages> whole) {
  std::ranges::sort(whole, {}, &WholePages::file_page);
  std::vector<WipeRange> remains;
  std::uint64_t next = 0;
  const auto up_to = [&](std::uint64_t page) {
    if (next < page)
      remains.push_back({window.address + (next << page_shift), (page - next) << page_shift});
  };
  for (const WholePages& pages : whole) {
    up_to(pages.file_page);
    next = pages.file_page + pages.count;
  }
  up_to(window.pages);
  return remains;
}

TrampolineBlock::Call as_call(const RawCall& raw) {
  return {raw.number, {raw.args[0], raw.args[1], raw.args[2], raw.args[3]}};
}

} // namespace

Result<Handover> Handover::prepare(AddressSpace& memory, const HandoverInput& input) {
  const StartOfDay& layout = input.layout;
  TRY(check_input(memory, input));
  Handover handover(memory);
  handover.landing_ = layout.address_of(layout.trampoline);
  handover.entry_ = layout.entry;
  handover.start_info_ = layout.address_of(layout.start_info);
  handover.stack_ = layout.address_of(layout.boot_stack + 1);

  memory.keep_above(names_above(layout).first);
  const auto attempt = [&]() -> Result<void> {
    const KernelPages pages = sort_kernel_pages(layout);
    // Our own tables for the landing, while the target's names may still move.
    TRY_AT(memory.prepare_address(handover.landing_), "trampoline");
    TRY_AT(put_names_in_place(memory, input, pages), "frames");
    TRY_AT(fill_target(memory, input, pages), "content");
    TRY_AT(handover.prepare_trampoline(layout), "trampoline");
    const Mfn root = TRY_AT(build_target_tables(memory, layout), "page tables");
    TRY_AT(mmuext(PinTable{Level::l4, root}), "page tables");
    handover.new_root_ = root;
    handover.remains_ = remains_of(input.kernel, pages.whole);
    return {};
  };
  if (auto outcome = attempt(); !outcome) {
    (void)handover.abandon();
    return std::unexpected(std::move(outcome).error().at("handover"));
  }
  return handover;
}

Result<void> Handover::prepare_trampoline(const StartOfDay& layout) {
  trampoline_frame_ = memory_->frames().mfn_of(layout.trampoline);
  trampoline_ = TRY(memory_->map_names({layout.trampoline, 1}));
  zero(trampoline_.address, page_size);
  const Bytes code = Leave::code();
  copy_in(trampoline_.address, code.data(), code.size());
  return {};
}

Result<void> Handover::abandon() {
  Result<void> outcome{};
  if (new_root_.value != 0)
    outcome = mmuext(UnpinTable{new_root_});
  new_root_ = Mfn{};
  if (trampoline_.pages != 0)
    if (auto released = memory_->release(trampoline_); !released)
      outcome = std::move(released);
  trampoline_ = Window{};
  memory_->keep_above(Pfn{0});
  // What is still pinned is no plain memory: it stays claimed.
  if (outcome)
    memory_->give_up_claims();
  return outcome;
}

void Handover::fill_trampoline(std::span<const WipeRange> wipe) {
  auto& block = poke<TrampolineBlock>(trampoline_.address + TRAMPOLINE_BLOCK);
  static_assert(most_wipes == TRAMPOLINE_WIPES);
  block.wipe_count = wipe.size();
  std::transform(wipe.begin(), wipe.end(), block.wipes,
                 [](const WipeRange& range) { return TrampolineBlock::Wipe{range.address.value, range.bytes / word}; });

  // The selectors are null by then, and stay so with bases of 0. The last call maps the landing.
  const RawCall calls[] = {
      SetSegmentBase{SegmentBase::fs, 0}.raw(),
      SetSegmentBase{SegmentBase::gs_user, 0}.raw(),
      SetSegmentBase{SegmentBase::gs_kernel, 0}.raw(),
      UpdateVaMapping{landing_, page_entry(trampoline_frame_)}.raw(),
  };
  static_assert(std::size(calls) <= TRAMPOLINE_CALLS);
  block.call_count = std::size(calls);
  std::transform(std::begin(calls), std::end(calls), block.calls, as_call);

  block.landing = landing_.value + Leave::landing();
  block.switch_ops[0] = encode(NewBasePtr{new_root_});
  block.switch_ops[1] = encode(NewUserBasePtr{Mfn{0}});
  block.switch_ops[2] = encode(UnpinTable{memory_->root()});
  block.entry = entry_.value;
  block.start_info = start_info_.value;
  block.stack = stack_.value;
  block.mxcsr = mxcsr_default;
  block.shutdown.reason = SHUTDOWN_crash;
  block.shutdown_command = SCHEDOP_shutdown;
}

void Handover::jump(shared_info_t& shared, std::span<const WipeRange> wipe) {
  // Rather no start than one that leaves secrets in the guest's memory.
  if (wipe.size() > most_wipes)
    crash("\npvboot: stopped: the last page cannot hold all that is to be wiped; this is a bug in pvboot\n");
  for (const WipeRange& range : remains_)
    zero(range.address, range.bytes);
  mask_upcalls(shared);
  take(vcpu_reset_steps(stack_));
  reset_shared_info(shared);
  fill_trampoline(wipe);
  Leave::to(trampoline_.address);
}

} // namespace pvboot::xen
