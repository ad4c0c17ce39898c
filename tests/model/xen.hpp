// A model of Xen for one PV guest: what Xen 4.17 checks, refuses and keeps about frames, page tables and the vCPU.
//
// It takes the raw hypercalls of the production code (numbers, registers, argument structs) and gives the memory that
// the code reaches through xen/memory/touch.hpp by walking the guest's current page tables. Its rules have names
// (tests/model/rule_name.hpp): no call is refused but by one of them.
//
// Translations stay in a TLB, as in a CPU, until the guest or Xen drops them: Xen drops all where a frame changes its
// type, so a table is never written through an old mapping; everything else is the guest's own affair.
//
// A refused hypercall returns Xen's errno and changes nothing. A memory access that would fault throws Fault.
#pragma once

#include "tests/model/machine.hpp"
#include "tests/model/rule_name.hpp"
#include "xen/abi/xen.hpp"
#include "xen/hypervisor.hpp"

#include <touch_of_build.hpp>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <unordered_set>
#include <vector>

namespace pvboot::model {

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The guest has ended itself.
struct Shutdown : std::runtime_error {
  explicit Shutdown(unsigned r) : std::runtime_error("shutdown"), reason(r) {}
  unsigned reason;
};

enum class Type : std::uint8_t { none, l1, l2, l3, l4, descriptors, writable };

/// The vm_assists that Xen has for a 64-bit PV guest, as bits.
constexpr std::uint64_t known_assists = [] {
  std::uint64_t bits = 0;
  for (const unsigned type : {VMASST_TYPE_4gb_segments, VMASST_TYPE_4gb_segments_notify,
                              VMASST_TYPE_writable_pagetables, VMASST_TYPE_pae_extended_cr3,
                              VMASST_TYPE_architectural_iopl, VMASST_TYPE_runstate_update_flag, VMASST_TYPE_m2p_strict})
    bits |= std::uint64_t{1} << type;
  return bits;
}();

struct FrameState {
  Type type = Type::none;
  Type last = Type::none; ///< the last that it had
  std::uint64_t count = 0;
  bool pinned = false;
};

/// What Xen keeps about vCPU 0.
struct Vcpu {
  std::map<unsigned, std::uint64_t> callbacks; ///< by CALLBACKTYPE_*, 0: none
  std::map<unsigned, unsigned> callback_flags;
  std::uint64_t traps = 0; ///< entries of the table
  std::vector<Mfn> gdt;
  std::uint64_t ldt_entries = 0;
  std::array<std::uint64_t, 8> debug{};
  std::uint32_t iopl = 0;
  std::uint64_t assists = 0;
  std::uint64_t kernel_ss = 0, kernel_sp = 0;
  std::uint64_t fs_base = 0, gs_base = 0, gs_base_user = 0;
  bool fpu_trap = false;
  std::uint64_t timer = 0;
};

class Xen final : public xen::HypercallHandler, public xen::MappedMemory {
public:
  /// Frames [first, first + count) are the guest's.
  Xen(Machine& machine, Mfn first, std::uint64_t count) : machine_(machine), first_(first), count_(count) {}

  // What the production code reaches.
  long hypercall(unsigned number, const xen::HypercallArgs& args) override;
  std::byte* touch(GuestVirt at, bool write) override;

  // What a test arranges and looks at.
  void name(Mfn frame, std::uint64_t pfn) { m2p_override_[frame.value] = pfn; }
  void names_by(std::function<std::uint64_t(Mfn)> names) { names_ = std::move(names); }
  std::uint64_t name_of(Mfn frame) const;
  void give(Mfn foreign) { given_.insert(foreign.value); } ///< may be mapped though not the guest's
  void take_away(Mfn frame) { gone_.insert(frame.value); } ///< is not the guest's any more
  long pin_l4(Mfn frame);
  long load(Mfn l4);
  long grant_writable(Mfn frame) { return by(RuleName::grant_writes, get_type(frame, Type::writable)); }
  void end_grant(Mfn frame) { put_type(frame); }

  struct Walk {
    Mfn frame;
    std::uint64_t entry; ///< the L1 entry
    bool writable;
  };
  std::optional<Walk> walk(GuestVirt at);
  /// The entry of a level on the way to `at`, and the table it stands in.
  std::optional<std::pair<Mfn, std::uint64_t>> entry_at(unsigned level, GuestVirt at);

  const FrameState& state(Mfn frame) const;
  const std::unordered_map<std::uint64_t, FrameState>& states() const { return states_; }
  Mfn base() const { return base_; }
  Mfn user_base() const { return user_base_; }
  Vcpu& vcpu() { return vcpu_; }
  Machine& machine() { return machine_; }

  /// Whether hypercall arguments are the guest's addresses (from the trampoline on) or the host's.
  void guest_addresses(bool on) { guest_addresses_ = on; }
  std::uint64_t calls(unsigned number) const {
    const auto found = calls_.find(number);
    return found == calls_.end() ? 0 : found->second;
  }
  /// What was asked of Xen so far: entries of mmu_update by their command, and hypercalls of any kind.
  struct Effort {
    std::uint64_t names = 0, table_entries = 0, calls = 0;
  };
  const Effort& effort() const { return effort_; }
  /// How many hypercalls were answered with an error that no test had asked for.
  std::uint64_t refused() const { return refused_ - injected_; }
  /// How often a rule has decided an answer.
  std::uint64_t decided_by(RuleName rule) const { return decided_[static_cast<std::size_t>(rule)]; }
  /// The next attempt to pin a table is refused.
  void refuse_next_pin(bool refuse = true) { refuse_pin_ = refuse; }
  /// Page tables can no longer be switched.
  void refuse_to_switch() { refuse_switch_ = true; }

private:
  bool ours(Mfn frame) const {
    return frame >= first_ && frame.value - first_.value < count_ && !gone_.contains(frame.value);
  }
  /// An answer, and the rule that it follows from.
  long by(RuleName rule, long answer) {
    ++decided_[static_cast<std::size_t>(rule)];
    explained_ = true;
    return answer;
  }
  FrameState& state_of(Mfn frame) { return states_[frame.value]; }

  struct Translation {
    std::uint64_t page = ~std::uint64_t{0};
    std::byte* memory = nullptr;
    bool writable = false;
  };
  static constexpr std::size_t tlb_size = 8192;
  Translation& translation(GuestVirt at) { return tlb_[(at.value >> page_shift) % tlb_size]; }
  void drop_translations() { tlb_.assign(tlb_size, {}); }
  void drop_translation(GuestVirt at) { translation(at) = {}; }

  long get_type(Mfn frame, Type type);
  void put_type(Mfn frame);
  long validate(Mfn frame, Type type);
  void unvalidate(Mfn frame, Type type);
  long get_entry(Type table, std::uint64_t index, std::uint64_t entry);
  void put_entry(Type table, std::uint64_t index, std::uint64_t entry);
  long write_entry(Mfn table, std::uint64_t index, std::uint64_t value);

  long answer(unsigned number, const xen::HypercallArgs& args);
  long mmu_update(const xen::HypercallArgs& args);
  long one_update(const mmu_update_t& update);
  long mmuext(const xen::HypercallArgs& args);
  long one_mmuext(const mmuext_op_t& op);
  long update_va_mapping(GuestVirt at, std::uint64_t value, std::uint64_t flags);
  long set_gdt(std::uint64_t frames, std::uint64_t entries);
  long callback_op(std::uint64_t command, std::uint64_t arg);
  long unregister_callback(unsigned type);
  long set_segment_base(std::uint64_t which, std::uint64_t base);
  long vm_assist(std::uint64_t command, std::uint64_t type);
  template <typename T> T argument(std::uint64_t address, std::size_t index = 0);

  Machine& machine_;
  Mfn first_;
  std::uint64_t count_;
  std::unordered_map<std::uint64_t, FrameState> states_;
  std::unordered_map<std::uint64_t, std::uint64_t> m2p_override_;
  std::function<std::uint64_t(Mfn)> names_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> m2p_pages_;
  std::set<std::uint64_t> given_;
  std::unordered_set<std::uint64_t> gone_;
  Mfn base_, user_base_;
  std::vector<Translation> tlb_ = std::vector<Translation>(tlb_size);
  Vcpu vcpu_;
  bool guest_addresses_ = false;
  std::map<unsigned, std::uint64_t> calls_;
  Effort effort_;
  std::uint64_t refused_ = 0, injected_ = 0;
  std::array<std::uint64_t, rule_count> decided_{};
  bool explained_ = false; ///< the answer to the current call
  bool refuse_pin_ = false;
  bool refuse_switch_ = false;
};

} // namespace pvboot::model
