// What Xen keeps for the domain: shared_info, event channels, virtual CPUs, grants, its memory.
#include "checks.hpp"

#include <iterator>

namespace pvboot::probe {

namespace {

constexpr unsigned most_ports = 4096; // the 2-level ABI's
constexpr unsigned most_vcpus = XEN_LEGACY_MAX_VCPUS;
constexpr unsigned grant_frames_looked_at = 64;

alignas(4096) std::byte shared_page[4096];
alignas(4096) std::byte grant_page[4096];

template <typename Word> std::uint64_t set_bits(const Word& words) {
  std::uint64_t count = 0;
  for (auto word : words)
    for (; word != 0; word &= word - 1)
      ++count;
  return count;
}

std::uint64_t is_pending(const shared_info_t& shared, evtchn_port_t port) {
  constexpr unsigned word_bits = sizeof(shared.evtchn_pending[0]) * 8;
  return shared.evtchn_pending[port / word_bits] >> (port % word_bits) & 1;
}

} // namespace

const shared_info_t& shared_info(const Machine& machine) {
  static bool mapped = false;
  if (!mapped)
    (void)map_at(shared_page, machine.info.shared_info | pte_present | pte_writable | pte_accessed);
  mapped = true;
  return *reinterpret_cast<const shared_info_t*>(shared_page);
}

void check_shared(Report& report, const Machine& machine) {
  const shared_info_t& shared = shared_info(machine);
  // The host's daemons ring when they have taken something out of a ring, at any moment.
  const std::uint64_t rung =
      is_pending(shared, machine.info.store_evtchn) + is_pending(shared, machine.info.console.domU.evtchn);
  const std::uint64_t pending = set_bits(shared.evtchn_pending) - rung, masked = set_bits(shared.evtchn_mask);
  report.fact("shared.events", "pending beside the rings'", Dec{pending}, "masked", Dec{masked});
  report.equal(pending + masked, 0, "pending or masked events");
  std::uint64_t open = 0, selected = 0, upcalls = 0, times = 0, fault_addresses = 0;
  for (unsigned n = 0; n < most_vcpus; ++n) {
    const vcpu_info_t& vcpu = shared.vcpu_info[n];
    open += vcpu.evtchn_upcall_mask != 1;
    if (n != 0 || rung == 0) {
      selected += vcpu.evtchn_pending_sel != 0;
      upcalls += vcpu.evtchn_upcall_pending;
    }
    times += vcpu.time.system_time != 0;
    fault_addresses += vcpu.arch.cr2 != 0;
  }
  report.fact("shared.vcpus", "open", Dec{open}, "selected", Dec{selected}, "upcalls", Dec{upcalls}, "with time",
              Dec{times}, "with a fault address", Dec{fault_addresses});
  report.equal(open, 0, "virtual CPUs whose upcalls are not masked");
  report.equal(selected + upcalls, 0, "virtual CPUs with something pending");
  const arch_shared_info_t& arch = shared.arch;
  report.fact("shared.arch", "max_pfn", Hex{arch.max_pfn}, "list", Hex{arch.pfn_to_mfn_frame_list_list}, "nmi",
              Hex{arch.nmi_reason}, "p2m", Hex{arch.p2m_cr3}, Hex{arch.p2m_vaddr}, Hex{arch.p2m_generation});
  report.check(arch.max_pfn == 0 && arch.pfn_to_mfn_frame_list_list == 0 && arch.p2m_cr3 == 0 && arch.p2m_vaddr == 0 &&
                   arch.p2m_generation == 0,
               "shared_info.arch is not empty");
  report.fact("shared.wall-clock", shared.wc_sec != 0 ? "set" : "not set");
  const std::uint64_t rest = nonzero_bytes(at(&shared) + sizeof shared, at(&shared) + 4096);
  report.fact("shared.rest", "nonzero bytes", Dec{rest});
}

void check_events(Report& report, const Machine& machine) {
  static constexpr std::string_view kinds[] = {"closed", "unbound", "interdomain", "pirq", "virq", "ipi"};
  std::uint64_t others = 0;
  for (evtchn_port_t port = 0; port < most_ports; ++port) {
    evtchn_status_t status{.dom = DOMID_SELF, .port = port, .status = 0, .vcpu = 0, .u = {}};
    if (event_op(EVTCHNOP_status, status) != 0 || status.status == EVTCHNSTAT_closed)
      continue;
    const std::string_view kind = status.status < std::size(kinds) ? kinds[status.status] : "?";
    report.fact("port", Dec{port}, kind, "vcpu", Dec{status.vcpu});
    others += port != machine.info.store_evtchn && port != machine.info.console.domU.evtchn;
  }
  report.equal(others, 0, "ports in use beside the console's and the store's");
  for (unsigned vcpu = 0; vcpu < most_vcpus; ++vcpu) {
    const long up = vcpu_op(VCPUOP_is_up, vcpu);
    if (up < 0)
      break;
    report.fact("vcpu", Dec{vcpu}, up != 0 ? "up" : "down");
    report.check((up != 0) == (vcpu == 0), "a virtual CPU that should be down", Dec{vcpu});
  }
}

void check_grants(Report& report, const Machine& machine) {
  gnttab_query_size_t size{.dom = DOMID_SELF, .nr_frames = 0, .max_nr_frames = 0, .status = 0};
  gnttab_get_version_t version{.dom = DOMID_SELF, .pad = 0, .version = 0};
  (void)grant_op(GNTTABOP_query_size, size);
  (void)grant_op(GNTTABOP_get_version, version);
  report.fact("grants", "version", Dec{version.version}, "frames at most", Dec{size.max_nr_frames});
  report.fact("grants.frames", Dec{size.nr_frames});
  report.equal(version.version, 1, "version of the grant table");

  // To ask for as many frames as there are already changes nothing.
  xen_pfn_t frames[grant_frames_looked_at] = {};
  const unsigned count = size.nr_frames < grant_frames_looked_at ? size.nr_frames : grant_frames_looked_at;
  gnttab_setup_table_t setup{};
  setup.dom = DOMID_SELF;
  setup.nr_frames = count;
  set_xen_guest_handle(setup.frame_list, frames);
  const long done = grant_op(GNTTABOP_setup_table, setup);
  report.check(done == 0 && setup.status == GNTST_okay, "the grant table cannot be set up");
  if (done != 0 || setup.status != GNTST_okay)
    return;
  std::uint64_t left = 0;
  const std::uint64_t before = Machine::own_entry(grant_page);
  for (unsigned frame = 0; frame < count; ++frame) {
    (void)map_at(grant_page, frames[frame] << 12 | pte_present | pte_writable | pte_accessed);
    const auto* entries = reinterpret_cast<const grant_entry_v1_t*>(grant_page);
    for (std::uint64_t i = 0; i < 4096 / sizeof *entries; ++i) {
      const grant_entry_v1_t& entry = entries[i];
      if (entry.flags == 0 && entry.domid == 0 && entry.frame == 0)
        continue;
      const bool reserved = frame == 0 && i < GNTTAB_NR_RESERVED_ENTRIES;
      left += reserved ? 0 : 1;
      if (reserved || left < 8)
        report.fact("grant", Dec{frame * 512 + i}, "flags", Hex{entry.flags}, "to", Dec{entry.domid}, "pfn",
                    Hex{machine.name(entry.frame)});
    }
  }
  (void)map_at(grant_page, before);
  report.equal(left, 0, "grants left");
}

} // namespace pvboot::probe
