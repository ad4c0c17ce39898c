#include "checks.hpp"

#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

namespace pvboot::probe {

namespace {

std::uint64_t page_up(std::uint64_t address) { return (address + 4095) & ~std::uint64_t{4095}; }

/// Pages that are not all zero, and where the first of them is counted from the end.
void blank(Report& report, std::string_view key, std::uint64_t from, std::uint64_t to) {
  std::uint64_t count = 0, last = 0;
  for (std::uint64_t page = from; page < to; page += 4096)
    if (nonzero_bytes(page, page + 4096) != 0) {
      ++count;
      last = (to - page) >> 12;
    }
  report.fact(key, "pages", Dec{(to - from) >> 12}, "not blank", Dec{count}, "the last at the end -", Dec{last});
}

void check_kernel(Report& report) {
  const Shape& shape = probe_shape;
  const std::uint64_t hole = shape.hypercall_page != 0 ? shape.hypercall_page : shape.own_start;
  const std::uint64_t after = shape.hypercall_page != 0 ? hole + 4096 : hole;
  const auto* bytes = reinterpret_cast<const std::byte*>(shape.kernel_start);
  report.fact("content.kernel", Hex{hash(bytes, hole - shape.kernel_start)},
              Hex{hash(reinterpret_cast<const std::byte*>(after), shape.own_start - after)});
  const std::uint64_t bss = nonzero_bytes(at(&probe_untouched_start[0]), at(&probe_untouched_end[0]));
  report.fact("content.bss", "nonzero bytes", Dec{bss});
  report.equal(bss, 0, "bytes in the BSS");
  if (shape.bsd_symtab == 0) {
    const std::uint64_t tail = nonzero_bytes(shape.kernel_end, page_up(shape.kernel_end));
    report.fact("content.behind-kernel", "nonzero bytes", Dec{tail});
    report.equal(tail, 0, "bytes behind the kernel");
  }
  if (shape.hypercall_page != 0)
    report.fact("content.hypercall-page", Hex{hash(reinterpret_cast<const std::byte*>(shape.hypercall_page), 4096)});
}

/// The page of a ring by what the M2P says of its frame, as XTF looks for it; null where that is not in the region.
template <typename Ring> const Ring* ring_in(Report& report, const Machine& machine, std::uint64_t frame) {
  const std::uint64_t pfn = machine.name(frame);
  report.check(pfn < machine.region_pages(), "a ring is not in the region: pfn", Hex{pfn});
  return pfn < machine.region_pages() ? Machine::seen<Ring>(pfn) : nullptr;
}

void check_store_ring(Report& report, const Machine& machine) {
  const auto* found = ring_in<xenstore_domain_interface>(report, machine, machine.info.store_mfn);
  if (found == nullptr)
    return;
  const xenstore_domain_interface& ring = *found;
  const std::uint64_t waiting = std::uint64_t{ring.req_prod} - ring.req_cons + ring.rsp_prod - ring.rsp_cons;
  report.fact("store.indices", Dec{ring.req_cons}, Dec{ring.req_prod}, Dec{ring.rsp_cons}, Dec{ring.rsp_prod});
  report.fact("store.waiting", Dec{waiting});
  report.fact("store.state", "features", Hex{ring.server_features}, "connection", Dec{ring.connection});
  report.equal(waiting, 0, "bytes waiting in the xenstore ring");
  const std::uint64_t rest = nonzero_bytes(at(&ring) + sizeof ring, at(&ring) + 4096);
  report.fact("store.rest", "nonzero bytes", Dec{rest});
  report.equal(rest, 0, "bytes in the rest of the xenstore page");
}

void check_console_ring(Report& report, const Machine& machine) {
  const auto* found = ring_in<xencons_interface>(report, machine, machine.info.console.domU.mfn);
  if (found == nullptr)
    return;
  const xencons_interface& ring = *found;
  report.fact("console.indices", Dec{ring.in_cons}, Dec{ring.in_prod}, Dec{ring.out_cons}, Dec{ring.out_prod});
  const std::uint32_t in = ring.in_prod - ring.in_cons, out = ring.out_prod - ring.out_cons;
  report.fact("console.typed", Dec{in});
  report.check(in <= sizeof ring.in && out <= sizeof ring.out, "the console's indices are impossible");
  const std::uint64_t rest = nonzero_bytes(at(&ring) + sizeof ring, at(&ring) + 4096);
  report.fact("console.rest", "nonzero bytes", Dec{rest});
  report.equal(rest, 0, "bytes in the rest of the console page");
}

} // namespace

void check_content(Report& report, const Machine& machine) {
  const std::uint64_t stack = machine.info.pt_base + (machine.info.nr_pt_frames << 12);
  blank(report, "content.padding-before", probe_shape.virt_base, probe_shape.kernel_start);
  check_kernel(report);
  blank(report, "content.stack", stack, stack + 4096);
  report.equal(nonzero_bytes(stack, stack + 4096), 0, "bytes on the boot stack");
  blank(report, "content.padding-behind", stack + 4096, probe_shape.virt_base + (machine.region_pages() << 12));
  const std::uint64_t list_end = machine.info.mfn_list + machine.pages * 8;
  const std::uint64_t behind_list = nonzero_bytes(list_end, page_up(list_end));
  report.fact("content.behind-p2m", "nonzero bytes", Dec{behind_list});
  check_store_ring(report, machine);
  check_console_ring(report, machine);
}

} // namespace pvboot::probe
