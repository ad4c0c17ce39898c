#include "checks.hpp"

#include <cstring>

namespace pvboot::probe {

namespace {

std::uint64_t page_up(std::uint64_t address) { return (address + 4095) & ~std::uint64_t{4095}; }

/// With the symbols, where they are wanted: a u32 says how long they are.
std::uint64_t end_of_kernel() {
  const std::uint64_t symbols = (probe_shape.kernel_end + 7) & ~std::uint64_t{7};
  return probe_shape.bsd_symtab == 0 ? probe_shape.kernel_end
                                     : symbols + 4 + *reinterpret_cast<const std::uint32_t*>(symbols);
}

/// The addresses of the region's elements, one after another, as the contract orders them [xen-abi.md part A].
void check_order(Report& report, const Machine& machine) {
  const start_info_t& info = machine.info;
  const std::uint64_t own = at(&info);
  report.equal(own % 4096, 0, "start_info lies on a page");
  report.equal(Machine::name_at(info.pt_base), Machine::name_at(own) + 3, "name of the first table");
  report.equal(machine.name(info.store_mfn), Machine::name_at(own) + 1, "name of the xenstore page");
  report.equal(machine.name(info.console.domU.mfn), Machine::name_at(own) + 2, "name of the console page");

  std::uint64_t next = page_up(end_of_kernel());
  if (info.mod_len != 0 && (info.flags & SIF_MOD_START_PFN) == 0) {
    report.equal(info.mod_start, next, "the mapped module follows the kernel");
    next = page_up(info.mod_start + info.mod_len);
  }
  if (probe_shape.init_p2m == 0) {
    report.equal(info.mfn_list, next, "the P2M follows the kernel or the module");
    next = page_up(info.mfn_list + machine.pages * 8);
  }
  report.equal(own, next, "start_info follows what is before it");
}

} // namespace

void check_start_info(Report& report, const Machine& machine) {
  const start_info_t& info = machine.info;
  const std::size_t magic_length = sizeof "xen-3.0-x86_64" - 1;
  report.fact("start.magic", std::string_view(info.magic, magic_length));
  report.check(std::memcmp(info.magic, "xen-3.0-x86_64", magic_length) == 0, "start_info has another magic");
  report.fact("start.nr_pages", Dec{info.nr_pages});
  report.fact("start.shared_info", "offset", Hex{info.shared_info % 4096});
  report.fact("start.flags", Hex{info.flags});
  report.fact("start.store", "pfn", Hex{machine.name(info.store_mfn)}, "port", Dec{info.store_evtchn});
  report.fact("start.console", "pfn", Hex{machine.name(info.console.domU.mfn)}, "port", Dec{info.console.domU.evtchn});
  report.fact("start.tables", Hex{info.pt_base}, "+", Dec{info.nr_pt_frames});
  report.fact("start.mfn_list", Hex{info.mfn_list});
  report.fact("start.module", Hex{info.mod_start});
  report.fact("start.module-length", Dec{info.mod_len});
  const auto* line = reinterpret_cast<const char*>(info.cmd_line);
  std::size_t length = 0;
  while (length < sizeof info.cmd_line && line[length] != '\0')
    ++length;
  report.fact("start.command-line", std::string_view(line, length));
  report.fact("start.p2m", "pfn", Hex{info.first_p2m_pfn}, "+", Dec{info.nr_p2m_frames});

  const std::uint64_t unused = (info.flags & ~std::uint64_t{SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS});
  report.equal(unused, 0, "start.flags beyond those of a guest with one module");
  report.check((info.flags & SIF_MOD_START_PFN) == 0 || (probe_shape.mod_start_pfn != 0 && info.mod_len != 0),
               "the module is named by a PFN that nobody asked for");
  report.check(length < sizeof info.cmd_line, "the command line has no end");
  const std::uint64_t after_magic = at(&info.magic[0]) + magic_length;
  const std::uint64_t rest =
      nonzero_bytes(after_magic, at(&info.magic[0]) + sizeof info.magic) +
      nonzero_bytes(at(&info.cmd_line[0]) + length, at(&info.cmd_line[0]) + sizeof info.cmd_line) +
      nonzero_bytes(at(&info) + sizeof info, at(&info) + 4096);
  report.fact("start.rest", "nonzero bytes", Dec{rest});
  report.equal(rest, 0, "bytes in start_info's page that nothing speaks of");
  if (probe_shape.init_p2m != 0) {
    report.equal(info.mfn_list, probe_shape.init_p2m, "start.mfn_list");
    report.check(info.nr_p2m_frames > machine.pages * 8 / 4096, "nr_p2m_frames does not count the P2M's tables");
  } else {
    report.check(info.first_p2m_pfn == 0 && info.nr_p2m_frames == 0, "a P2M of its own that nobody asked for");
  }
  check_order(report, machine);
}

} // namespace pvboot::probe
