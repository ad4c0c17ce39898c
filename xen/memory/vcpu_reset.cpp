#include "xen/memory/vcpu_reset.hpp"

namespace pvboot::xen {

namespace {

constexpr std::uint64_t dr6_default = 0xffff0ff0;
constexpr std::uint64_t dr7_default = 0x400;

template <typename Array> void clear(Array& words) {
  for (auto& word : words)
    *const_cast<volatile std::remove_reference_t<decltype(word)>*>(&word) = 0;
}

} // namespace

std::vector<ResetStep> vcpu_reset_steps(GuestVirt kernel_stack) {
  std::vector<ResetStep> steps;
  steps.emplace_back(SetTimer{0});
  // With address 0 and no flags: unregistering is refused, and would leave the flags.
  for (const CallbackType type : {CallbackType::event, CallbackType::failsafe, CallbackType::syscall,
                                  CallbackType::syscall32, CallbackType::sysenter})
    steps.emplace_back(RegisterCallback(type, GuestVirt{0}));
  steps.emplace_back(SetTrapTable{});
  steps.emplace_back(SetGdt{});
  steps.emplace_back(MmuExt(SetLdt{}));
  for (unsigned reg = 0; reg < 4; ++reg)
    steps.emplace_back(SetDebugreg{reg, 0});
  steps.emplace_back(SetDebugreg{6, dr6_default});
  steps.emplace_back(SetDebugreg{7, dr7_default});
  steps.emplace_back(SetIopl(0));
  for (const Assist type :
       {Assist::four_gb_segments, Assist::four_gb_segments_notify, Assist::writable_pagetables,
        Assist::pae_extended_cr3, Assist::architectural_iopl, Assist::runstate_update_flag, Assist::m2p_strict})
    steps.emplace_back(VmAssist{false, type});
  steps.emplace_back(StackSwitch{FLAT_KERNEL_SS, kernel_stack});
  steps.emplace_back(FpuTaskswitch{false});
  return steps;
}

void take(const std::vector<ResetStep>& steps) {
  for (const ResetStep& step : steps)
    std::visit(
        [](const auto& call) {
          if constexpr (std::is_same_v<std::decay_t<decltype(call)>, MmuExt>)
            (void)mmuext(call);
          else
            (void)issue(call);
        },
        step);
}

void mask_upcalls(shared_info_t& shared) {
  for (auto& vcpu : shared.vcpu_info)
    *const_cast<volatile std::uint8_t*>(&vcpu.evtchn_upcall_mask) = 1;
}

void reset_shared_info(shared_info_t& shared) {
  clear(shared.evtchn_pending);
  clear(shared.evtchn_mask);
  for (auto& vcpu : shared.vcpu_info) {
    vcpu.evtchn_pending_sel = 0;
    vcpu.evtchn_upcall_pending = 0;
  }
  shared.arch.max_pfn = 0;
  shared.arch.pfn_to_mfn_frame_list_list = 0;
  shared.arch.p2m_cr3 = 0;
  shared.arch.p2m_vaddr = 0;
  shared.arch.p2m_generation = 0;
}

} // namespace pvboot::xen
