#include "tests/model/xen.hpp"

#include "base/text.hpp"
#include "xen/memory/pte.hpp"

namespace pvboot::model {

namespace {

namespace pte = xen::pte;

constexpr std::uint64_t global = 1 << 8;
constexpr std::uint64_t software_bits = std::uint64_t{0x7ff} << 52 | 0xe00;
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
constexpr std::uint64_t upper_allowed = pte::present | pte::writable | pte::user | pte::accessed | pte::dirty |
                                        pte::frame_mask | software_bits | no_execute;
// A user's page is global, and a debug build of Xen keeps bit 62 for grants.
constexpr std::uint64_t l1_allowed = (upper_allowed | global) & ~(std::uint64_t{1} << 62);

bool is_table(Type type) { return type >= Type::l1 && type <= Type::l4; }
Type below(Type table) { return static_cast<Type>(static_cast<int>(table) - 1); }
Mfn frame_of(std::uint64_t entry) { return {(entry & pte::frame_mask) >> page_shift}; }
bool is_callback(unsigned type) {
  switch (type) {
  case CALLBACKTYPE_event:
  case CALLBACKTYPE_failsafe:
  case CALLBACKTYPE_syscall:
  case CALLBACKTYPE_nmi:
  case CALLBACKTYPE_sysenter:
  case CALLBACKTYPE_syscall32: return true;
  }
  return false;
}
bool xen_slot(Type table, std::uint64_t index) { return table == Type::l4 && xen::is_xen_slot(index); }

} // namespace

// ---- types ----

const FrameState& Xen::state(Mfn frame) const {
  static const FrameState untouched;
  const auto found = states_.find(frame.value);
  return found == states_.end() ? untouched : found->second;
}

long Xen::get_type(Mfn frame, Type type) {
  if (!ours(frame))
    return given_.contains(frame.value) && type == Type::writable ? 0 : by(RuleName::own_frames, -XEN_EINVAL);
  FrameState& state = state_of(frame);
  if (state.count != 0) {
    if (state.type != type)
      return by(RuleName::one_type, -XEN_EINVAL);
    ++state.count;
    return 0;
  }
  if (state.last != Type::none && state.last != type)
    drop_translations();
  state.last = type;
  if (is_table(type)) {
    // The type is held while entries are checked, as for a table that maps itself.
    state.type = type;
    state.count = 1;
    if (const long failed = validate(frame, type)) {
      FrameState& again = state_of(frame);
      again.type = Type::none;
      again.count = 0;
      return by(RuleName::validate, failed);
    }
    return 0;
  }
  state.type = type;
  state.count = 1;
  return 0;
}

void Xen::put_type(Mfn frame) {
  if (!ours(frame))
    return;
  FrameState& state = state_of(frame);
  if (state.count == 0)
    throw std::logic_error("the model has lost count of frame " + hex(frame.value));
  if (--state.count == 0) {
    const Type type = state.type;
    state.type = Type::none;
    if (is_table(type))
      unvalidate(frame, type);
  }
}

long Xen::get_entry(Type table, std::uint64_t index, std::uint64_t entry) {
  if ((entry & pte::present) == 0 || xen_slot(table, index))
    return 0;
  if ((entry & ~(table == Type::l1 ? l1_allowed : upper_allowed)) != 0)
    return by(RuleName::entry_bits, -XEN_EINVAL);
  if (table != Type::l1)
    return get_type(frame_of(entry), below(table));
  if (!ours(frame_of(entry)) && !given_.contains(frame_of(entry).value))
    return by(RuleName::own_frames, -XEN_EPERM);
  const bool refused = (entry & pte::writable) != 0 && get_type(frame_of(entry), Type::writable) != 0;
  return refused ? -XEN_EBUSY : 0;
}

void Xen::put_entry(Type table, std::uint64_t index, std::uint64_t entry) {
  if ((entry & pte::present) == 0 || xen_slot(table, index))
    return;
  if (table != Type::l1 || (entry & pte::writable) != 0)
    put_type(frame_of(entry));
}

long Xen::validate(Mfn frame, Type type) {
  for (std::uint64_t i = 0; i < xen::entries_per_table; ++i)
    if (const long failed = get_entry(type, i, machine_.word(frame, i))) {
      while (i-- > 0)
        put_entry(type, i, machine_.word(frame, i));
      return failed;
    }
  return 0;
}

void Xen::unvalidate(Mfn frame, Type type) {
  for (std::uint64_t i = 0; i < xen::entries_per_table; ++i)
    put_entry(type, i, machine_.word(frame, i));
}

long Xen::write_entry(Mfn table, std::uint64_t index, std::uint64_t value) {
  const FrameState state = this->state(table);
  if (!ours(table))
    return by(RuleName::own_frames, -XEN_EINVAL);
  if (!is_table(state.type)) {
    if (const long failed = get_type(table, Type::writable))
      return by(RuleName::plain_write, failed);
    machine_.set_word(table, index, value);
    put_type(table);
    return by(RuleName::plain_write, 0);
  }
  if (xen_slot(state.type, index))
    return by(RuleName::xen_slots, -XEN_EINVAL);
  if (const long failed = get_entry(state.type, index, value))
    return failed;
  const std::uint64_t old = machine_.word(table, index);
  machine_.set_word(table, index, value);
  put_entry(state.type, index, old);
  return 0;
}

// ---- hypercalls ----

template <typename T> T Xen::argument(std::uint64_t address, std::size_t index) {
  address += index * sizeof(T);
  T value;
  if (guest_addresses_) {
    if (address % page_size + sizeof(T) > page_size)
      throw Fault("an argument crosses a page");
    std::memcpy(&value, touch(GuestVirt{address}, false), sizeof value);
  } else {
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  }
  return value;
}

long Xen::one_update(const mmu_update_t& update) {
  const Mfn frame{update.ptr >> page_shift};
  const std::uint64_t command = update.ptr & 3;
  ++(command == MMU_MACHPHYS_UPDATE ? effort_.names : effort_.table_entries);
  switch (command) {
  case MMU_NORMAL_PT_UPDATE:
  case MMU_PT_UPDATE_PRESERVE_AD:
    return write_entry(frame, (update.ptr % page_size) / sizeof(std::uint64_t), update.val);
  case MMU_MACHPHYS_UPDATE:
    if (!ours(frame))
      return by(RuleName::m2p_own, -XEN_EINVAL);
    m2p_override_[frame.value] = update.val;
    if (const auto page = m2p_pages_.find(frame.value / 512); page != m2p_pages_.end())
      std::memcpy(page->second->data() + frame.value % 512 * sizeof(update.val), &update.val, sizeof update.val);
    return 0;
  }
  return -XEN_ENOSYS;
}

long Xen::mmu_update(const xen::HypercallArgs& args) {
  for (std::uint64_t i = 0; i < args[1]; ++i)
    if (const long failed = one_update(argument<mmu_update_t>(args[0], i))) {
      if (args[2] != 0 && !guest_addresses_)
        *reinterpret_cast<unsigned*>(args[2]) = static_cast<unsigned>(i);
      return failed;
    }
  if (args[2] != 0 && !guest_addresses_)
    *reinterpret_cast<unsigned*>(args[2]) = static_cast<unsigned>(args[1]);
  return 0;
}

long Xen::pin_l4(Mfn frame) {
  if (state(frame).pinned)
    return by(RuleName::pin_once, -XEN_EINVAL);
  if (const long failed = get_type(frame, Type::l4))
    return failed;
  state_of(frame).pinned = true;
  return 0;
}

long Xen::load(Mfn l4) {
  if (const long failed = get_type(l4, Type::l4))
    return by(RuleName::base_is_l4, failed);
  if (base_.value != 0)
    put_type(base_);
  base_ = l4;
  drop_translations();
  return 0;
}

long Xen::one_mmuext(const mmuext_op_t& op) {
  const Mfn frame{op.arg1.mfn};
  switch (op.cmd) {
  case MMUEXT_PIN_L4_TABLE:
    if (std::exchange(refuse_pin_, false)) {
      ++injected_;
      explained_ = true;
      return -XEN_EINVAL;
    }
    return pin_l4(frame);
  case MMUEXT_PIN_L1_TABLE:
  case MMUEXT_PIN_L2_TABLE:
  case MMUEXT_PIN_L3_TABLE: {
    if (state(frame).pinned)
      return by(RuleName::pin_once, -XEN_EINVAL);
    const auto type = static_cast<Type>(op.cmd - MMUEXT_PIN_L1_TABLE + static_cast<unsigned>(Type::l1));
    if (const long failed = get_type(frame, type))
      return failed;
    state_of(frame).pinned = true;
    return 0;
  }
  case MMUEXT_UNPIN_TABLE:
    if (!state(frame).pinned)
      return by(RuleName::pin_once, -XEN_EINVAL);
    state_of(frame).pinned = false;
    put_type(frame);
    return 0;
  case MMUEXT_NEW_BASEPTR:
    if (refuse_switch_) {
      explained_ = true;
      return -XEN_EINVAL;
    }
    return load(frame);
  case MMUEXT_NEW_USER_BASEPTR:
    if (frame.value != 0)
      if (const long failed = get_type(frame, Type::l4))
        return by(RuleName::user_base, failed);
    if (user_base_.value != 0)
      put_type(user_base_);
    user_base_ = frame;
    return 0;
  case MMUEXT_TLB_FLUSH_LOCAL:
  case MMUEXT_TLB_FLUSH_ALL: drop_translations(); return 0;
  case MMUEXT_INVLPG_LOCAL:
  case MMUEXT_INVLPG_ALL: drop_translation(GuestVirt{op.arg1.linear_addr}); return 0;
  case MMUEXT_SET_LDT: vcpu_.ldt_entries = op.arg2.nr_ents; return 0;
  }
  return -XEN_ENOSYS;
}

long Xen::mmuext(const xen::HypercallArgs& args) {
  // Read one by one, under whatever tables are loaded by then: Xen may preempt the call and read them again.
  for (std::uint64_t i = 0; i < args[1]; ++i)
    if (const long failed = one_mmuext(argument<mmuext_op_t>(args[0], i)))
      return failed;
  return 0;
}

long Xen::update_va_mapping(GuestVirt at, std::uint64_t value, std::uint64_t flags) {
  const auto entry = entry_at(1, at);
  if (!entry)
    return by(RuleName::va_needs_l1, -XEN_EINVAL);
  const long answer = write_entry(entry->first, xen::index_in(xen::Level::l1, at), value);
  if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_TLB_FLUSH)
    drop_translations();
  else if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG)
    drop_translation(at);
  return answer;
}

long Xen::set_gdt(std::uint64_t frames, std::uint64_t entries) {
  std::vector<Mfn> taken;
  for (std::uint64_t i = 0; i < (entries + 511) / 512; ++i) {
    const Mfn frame{argument<std::uint64_t>(frames, i)};
    if (const long failed = get_type(frame, Type::descriptors)) {
      for (const Mfn back : taken)
        put_type(back);
      return by(RuleName::gdt_types, failed);
    }
    taken.push_back(frame);
  }
  for (const Mfn old : vcpu_.gdt)
    put_type(old);
  vcpu_.gdt = taken;
  return 0;
}

long Xen::callback_op(std::uint64_t command, std::uint64_t arg) {
  if (command == CALLBACKOP_unregister)
    return unregister_callback(argument<callback_unregister_t>(arg).type);
  if (command != CALLBACKOP_register)
    return -XEN_ENOSYS;
  const auto call = argument<callback_register_t>(arg);
  if (!is_callback(call.type))
    return by(RuleName::vcpu_state, -XEN_ENOSYS);
  vcpu_.callbacks[call.type] = call.address;
  vcpu_.callback_flags[call.type] = call.flags;
  return 0;
}

long Xen::unregister_callback(unsigned type) {
  if (!is_callback(type))
    return by(RuleName::vcpu_state, -XEN_ENOSYS);
  if (type != CALLBACKTYPE_nmi)
    return by(RuleName::vcpu_state, -XEN_EINVAL);
  vcpu_.callbacks[type] = 0;
  vcpu_.callback_flags[type] = 0;
  return 0;
}

long Xen::set_segment_base(std::uint64_t which, std::uint64_t base) {
  switch (which) {
  case SEGBASE_FS: vcpu_.fs_base = base; return 0;
  case SEGBASE_GS_USER: vcpu_.gs_base_user = base; return 0;
  case SEGBASE_GS_KERNEL: vcpu_.gs_base = base; return 0;
  }
  return by(RuleName::vcpu_state, -XEN_EINVAL);
}

long Xen::vm_assist(std::uint64_t command, std::uint64_t type) {
  const std::uint64_t bit = type < 64 ? std::uint64_t{1} << type : 0;
  if ((bit & known_assists) == 0)
    return by(RuleName::vcpu_state, -XEN_EINVAL);
  switch (command) {
  case VMASST_CMD_enable: vcpu_.assists |= bit; return 0;
  case VMASST_CMD_disable: vcpu_.assists &= ~bit; return 0;
  }
  return -XEN_ENOSYS;
}

long Xen::hypercall(unsigned number, const xen::HypercallArgs& args) {
  ++calls_[number];
  ++effort_.calls;
  explained_ = false;
  const long result = answer(number, args);
  refused_ += result < 0;
  // ENOSYS without a rule: what the model does not have.
  if (result < 0 && result != -XEN_ENOSYS && !explained_)
    throw std::logic_error("the model refuses call " + dec(number) + " by no rule");
  return result;
}

long Xen::answer(unsigned number, const xen::HypercallArgs& a) {
  switch (number) {
  case __HYPERVISOR_mmu_update: return mmu_update(a);
  case __HYPERVISOR_mmuext_op: return mmuext(a);
  case __HYPERVISOR_update_va_mapping: return update_va_mapping(GuestVirt{a[0]}, a[1], a[2]);
  case __HYPERVISOR_set_gdt: return set_gdt(a[0], a[1]);
  case __HYPERVISOR_set_trap_table: vcpu_.traps = a[0] != 0; return 0;
  case __HYPERVISOR_callback_op: return callback_op(a[0], a[1]);
  case __HYPERVISOR_set_segment_base: return set_segment_base(a[0], a[1]);
  case __HYPERVISOR_set_debugreg:
    if (a[0] >= vcpu_.debug.size())
      return by(RuleName::vcpu_state, -XEN_ENODEV);
    vcpu_.debug[a[0]] = a[1];
    return 0;
  case __HYPERVISOR_stack_switch:
    vcpu_.kernel_ss = a[0];
    vcpu_.kernel_sp = a[1];
    return 0;
  case __HYPERVISOR_fpu_taskswitch: vcpu_.fpu_trap = a[0] != 0; return 0;
  case __HYPERVISOR_set_timer_op: vcpu_.timer = a[0]; return 0;
  case __HYPERVISOR_physdev_op:
    if (a[0] != PHYSDEVOP_set_iopl)
      return -XEN_ENOSYS;
    vcpu_.iopl = argument<physdev_set_iopl_t>(a[1]).iopl;
    return 0;
  case __HYPERVISOR_vm_assist: return vm_assist(a[0], a[1]);
  case __HYPERVISOR_memory_op:
    if (a[0] != XENMEM_current_reservation || argument<xen_memory_domain>(a[1]).domid != DOMID_SELF)
      return -XEN_ENOSYS;
    return by(RuleName::reservation, static_cast<long>(count_ - gone_.size()));
  case __HYPERVISOR_sched_op:
    if (a[0] == SCHEDOP_shutdown)
      throw Shutdown(argument<sched_shutdown_t>(a[1]).reason);
    return -XEN_ENOSYS;
  }
  return -XEN_ENOSYS;
}

} // namespace pvboot::model
