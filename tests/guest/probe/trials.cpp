#include "checks.hpp"

#include <iterator>
#include <optional>

namespace pvboot::probe {

namespace {

constexpr std::uint64_t batch = 256;

alignas(4096) std::byte trial_page[4096];
alignas(64) vcpu_info_t own_vcpu_info;
mmu_update_t updates[batch];

/// Tries names from `first` on, as many as a batch holds and `wanted` takes; the next to be tried.
template <typename Wanted> std::uint64_t fill(const Machine& machine, std::uint64_t first, std::uint64_t entry_at,
                                              std::uint64_t (&names)[batch], std::uint64_t& count, Wanted wanted) {
  for (count = 0; first < machine.pages && count < batch; ++first)
    if (machine.frame(first) != nowhere && wanted(first)) {
      updates[count] = {entry_at | MMU_NORMAL_PT_UPDATE,
                        machine.frame(first) << 12 | pte_present | pte_writable | pte_accessed};
      names[count++] = first;
    }
  return first;
}

struct Leftovers {
  std::uint64_t looked_at, pages, like_tables;
};

/// Whether all that a page holds are page-table entries of this guest's or of Xen's.
bool like_a_table(const std::uint64_t* words) {
  for (unsigned i = 0; i < 512; ++i)
    if (words[i] != 0 && (words[i] & (pte_present | pte_accessed)) != (pte_present | pte_accessed))
      return false;
  return true;
}

/// What the names that are nobody's hold: not the region, not the module, not the P2M.
Leftovers leftovers(const Machine& machine) {
  Leftovers left{};
  for (std::uint64_t pfn = machine.region_pages(); pfn < machine.pages; ++pfn) {
    if (machine.in_module(pfn) || machine.in_p2m(pfn) || machine.frame(pfn) == nowhere ||
        map_at(trial_page, machine.frame(pfn) << 12 | pte_present | pte_accessed) != 0)
      continue;
    ++left.looked_at;
    if (nonzero_bytes(at(trial_page), at(trial_page) + 4096) != 0) {
      ++left.pages;
      left.like_tables += like_a_table(reinterpret_cast<const std::uint64_t*>(trial_page));
    }
  }
  return left;
}

void try_assists(Report& report, const Machine& machine) {
  // A table's own page is mapped read-only. Written all the same, with what it holds: Xen emulates that only for a
  // domain with the writable_pagetables assist.
  const bool refused = faults(
      [](void* entry) {
        auto* word = static_cast<volatile std::uint64_t*>(entry);
        *word = *word;
      },
      reinterpret_cast<void*>(machine.info.pt_base));
  report.fact("try.write-to-a-table", refused ? "faults" : "is emulated", "vector", Dec{last_fault.vector});
  report.check(refused && last_fault.vector == 14, "the assist writable_pagetables is on");

  // An exception shows the virtual IOPL only to a domain with the architectural_iopl assist.
  physdev_set_iopl_t iopl{.iopl = 1};
  (void)call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, at(&iopl));
  (void)faults([](void*) { asm volatile("int3"); });
  report.fact("try.iopl-in-a-frame", Dec{last_fault.rflags >> 12 & 3}, "vector", Dec{last_fault.vector});
  report.check((last_fault.rflags >> 12 & 3) == 0 && last_fault.vector == 3, "the assist architectural_iopl is on");
  iopl.iopl = 0;
  (void)call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, at(&iopl));
}

void try_pin(Report& report, const Machine& machine) {
  mmuext_op_t op{};
  op.cmd = MMUEXT_UNPIN_TABLE;
  op.arg1.mfn = machine.frame(Machine::name_at(machine.info.pt_base));
  const auto mmuext = [&] { return call(__HYPERVISOR_mmuext_op, at(&op), 1, 0, DOMID_SELF); };
  const long once = mmuext(), twice = mmuext();
  report.fact("try.unpin", once == 0 ? "done" : "refused", "again", twice == 0 ? "done" : "refused");
  report.check(once == 0, "the L4 is not pinned");
  op.cmd = MMUEXT_PIN_L4_TABLE;
  report.check(mmuext() == 0, "the L4 cannot be pinned again");
}

void try_hypercall_page(Report& report) {
  if (probe_shape.hypercall_page == 0)
    return;
  long result;
  register std::uint64_t command asm("rdi") = XENVER_version;
  register std::uint64_t argument asm("rsi") = 0;
  // Of the arguments' registers Xen may change any; the page keeps rcx and r11.
  asm volatile("call *%1"
               : "=a"(result)
               : "r"(probe_shape.hypercall_page + __HYPERVISOR_xen_version * 32), "r"(command), "r"(argument)
               : "memory", "cc", "rdx", "r8", "r9", "r10");
  const long direct = call(__HYPERVISOR_xen_version, XENVER_version, 0);
  report.fact("try.hypercall-page", result == direct ? "works" : "does not work");
  report.check(result == direct, "the hypercall page does not work");
}

/// The port of VIRQ_TIMER, bound here; nothing when somebody has bound it already.
std::optional<evtchn_port_t> bind_timer() {
  evtchn_bind_virq_t bind{.virq = VIRQ_TIMER, .vcpu = 0, .port = 0};
  return event_op(EVTCHNOP_bind_virq, bind) == 0 ? std::optional(bind.port) : std::nullopt;
}

/// Whether the timer ticks within two seconds, by the bitmap of the 2-level ABI.
bool wait_for_tick(const shared_info_t& shared, evtchn_port_t port) {
  const auto ticked = [&] {
    const volatile xen_ulong_t* words = shared.evtchn_pending;
    return (words[port / 64] >> port % 64 & 1) != 0;
  };
  evtchn_port_t ports[] = {port};
  sched_poll_t poll{};
  set_xen_guest_handle(poll.ports, ports);
  poll.nr_ports = 1;
  const volatile std::uint64_t* now = &shared.vcpu_info[0].time.system_time;
  poll.timeout = *now + 2'000'000'000;
  for (unsigned n = 0; n < 100 && !ticked(); ++n)
    (void)sched_op(SCHEDOP_poll, poll);
  return ticked();
}

void try_timer(Report& report, const Machine& machine) {
  const auto port = bind_timer();
  report.check(port.has_value(), "VIRQ_TIMER is bound already");
  if (!port)
    return;
  report.fact("try.port", Dec{*port});
  const bool ticks = wait_for_tick(shared_info(machine), *port);
  report.fact("try.timer", ticks ? "ticks" : "is silent");
  report.check(ticks, "the periodic timer does not run, or events are not those of the 2-level ABI");
  evtchn_close_t close{.port = *port};
  (void)event_op(EVTCHNOP_close, close);
}

void try_vcpu_info(Report& report) {
  const std::uint64_t entry = Machine::own_entry(&own_vcpu_info);
  vcpu_register_vcpu_info_t place{
      .mfn = frame_of(entry), .offset = static_cast<std::uint32_t>(at(&own_vcpu_info) % 4096), .rsvd = 0};
  const long result = vcpu_op(VCPUOP_register_vcpu_info, 0, at(&place));
  report.fact("try.vcpu-info", result == 0 ? "registers" : "is refused");
  report.check(result == 0, "a vcpu_info cannot be registered: somebody has done it already");
}

} // namespace

void raise_trap() { asm volatile("int3"); }

void take_event(const Machine& machine) {
  auto& shared = const_cast<shared_info_t&>(shared_info(machine));
  if (const auto port = bind_timer(); port && wait_for_tick(shared, *port)) {
    *const_cast<volatile std::uint8_t*>(&shared.vcpu_info[0].evtchn_upcall_mask) = 0;
    (void)call(__HYPERVISOR_xen_version, XENVER_version, 0); // Xen looks for events on its way out
  }
}

void try_frames(Report& report, const Machine& machine) {
  const std::uint64_t before = Machine::own_entry(trial_page);
  std::uint64_t entry_at = 0;
  (void)Machine::own_entry(trial_page, &entry_at);
  std::uint64_t names[batch];
  std::uint64_t writable = 0, stuck = 0;
  const auto wanted = [&](std::uint64_t pfn) {
    const std::uint64_t list_end = machine.info.first_p2m_pfn + machine.list_pages();
    const bool p2m_table = machine.in_p2m(pfn) && pfn >= list_end;
    return !machine.is_region_table(pfn) && !p2m_table;
  };
  for (std::uint64_t next = 0, count = 0; next < machine.pages;) {
    next = fill(machine, next, entry_at, names, count, wanted);
    for (std::uint64_t from = 0; from < count;) {
      unsigned done = 0;
      const long result = call(__HYPERVISOR_mmu_update, at(&updates[from]), count - from, at(&done), DOMID_SELF);
      if (result < 0 && done >= count - from)
        break;
      writable += done;
      from += done;
      if (result == 0)
        continue;
      if (stuck++ < 16)
        report.fact("frame", "pfn", Hex{names[from]}, "cannot be mapped writable");
      ++from;
    }
  }
  report.fact("try.frames", "writable", Dec{writable}, "not", Dec{stuck});
  report.equal(stuck, 0, "frames that cannot be mapped writable");
  const Leftovers left = leftovers(machine);
  report.fact("content.free-memory", "pages", Dec{left.looked_at}, "not blank", Dec{left.pages}, "like page tables",
              Dec{left.like_tables});
  (void)map_at(trial_page, before);

  domid_t self = DOMID_SELF;
  const long current = memory_op(XENMEM_current_reservation, self);
  report.fact("memory", "current", Dec{static_cast<std::uint64_t>(current)}, "at most",
              Dec{static_cast<std::uint64_t>(memory_op(XENMEM_maximum_reservation, self))});
  report.equal(static_cast<std::uint64_t>(current), machine.pages, "pages of the domain");
}

void try_settings(Report& report, const Machine& machine) {
  try_assists(report, machine);
  try_pin(report, machine);
  try_hypercall_page(report);
  try_timer(report, machine);
  try_vcpu_info(report);
}

} // namespace pvboot::probe
