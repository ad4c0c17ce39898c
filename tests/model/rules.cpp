#include "tests/model/rules.hpp"

#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

namespace pvboot::model {

namespace {

namespace pte = xen::pte;
using xen::entry_address;
using xen::Hypervisor;

constexpr std::uint64_t pages = 8;
constexpr std::uint64_t large = 1 << 7; // PSE
constexpr Mfn nobodys{0};               // the first frame of the machine is never a guest's

std::uint64_t writable_entry(Mfn frame) { return xen::page_entry(frame).value; }

/// Page 0 as a table that holds one entry, not mapped writable any more.
void table_of(RuleBench& bench, std::uint64_t entry) {
  bench.clear(0);
  bench.write(0, 0, entry);
  bench.map(0, false);
}
long and_back(RuleBench& bench, long answer) {
  bench.map(0, true);
  return answer;
}
long pin_and_unpin(RuleBench& bench, unsigned command) {
  const long answer = bench.ext(command, bench.frame(0));
  if (answer == 0)
    bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0));
  return and_back(bench, answer);
}
/// What `deed` answers while page 0 is pinned as an empty L1.
template <typename Deed> long with_pinned_l1(RuleBench& bench, Deed deed) {
  table_of(bench, 0);
  bench.ext(MMUEXT_PIN_L1_TABLE, bench.frame(0));
  const long answer = deed();
  bench.ext(MMUEXT_UNPIN_TABLE, bench.frame(0));
  return and_back(bench, answer);
}

const Rule all_rules[] = {
    {"one-type", "pin a page as L1 that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_PIN_L1_TABLE, b.frame(0));
     }},
    {"one-type", "pin an empty page as L1 that is mapped read-only", 0,
     [](RuleBench& b) {
       table_of(b, 0);
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {"one-type", "map a pinned L1 writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.map(0, true); }); }},
    {"one-type", "pin a table as L2 that is pinned as L1", -XEN_EINVAL,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.ext(MMUEXT_PIN_L2_TABLE, b.frame(0)); }); }},
    {"validate", "pin an L1 that maps our running L4 writable: the trap", -XEN_EBUSY,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.memory().root()));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {"validate", "pin an L1 that maps our running L4 read-only", 0,
     [](RuleBench& b) {
       table_of(b, xen::page_entry(b.memory().root(), xen::Access::read_only).value);
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {"validate", "pin an L1 that maps itself writable", -XEN_EBUSY,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.frame(0)));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {"validate", "pin an L2 over a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(1);
       table_of(b, xen::table_entry(b.frame(1)).value);
       return pin_and_unpin(b, MMUEXT_PIN_L2_TABLE);
     }},
    {"validate", "after a refused pin the page below is plain again", 0,
     [](RuleBench& b) {
       b.clear(1);
       b.map(1, false);
       table_of(b, xen::table_entry(b.frame(1)).value);
       b.map(0, true);
       b.write(0, 1, xen::table_entry(b.frame(2)).value); // mapped writable: the second entry fails
       b.map(0, false);
       b.ext(MMUEXT_PIN_L2_TABLE, b.frame(0));
       b.map(0, true);
       return b.map(1, true);
     }},
    {"validate", "an L1 in two slots of one L2", 0,
     [](RuleBench& b) {
       b.clear(1);
       b.map(1, false);
       b.clear(0);
       b.write(0, 0, xen::table_entry(b.frame(1)).value);
       b.write(0, 1, xen::table_entry(b.frame(1)).value);
       b.map(0, false);
       const long answer = pin_and_unpin(b, MMUEXT_PIN_L2_TABLE);
       b.map(1, true);
       return answer;
     }},
    {"no-large-pages", "pin an L2 with a large page", -XEN_EINVAL,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.frame(2)) | large | pte::user);
       return pin_and_unpin(b, MMUEXT_PIN_L2_TABLE);
     }},
    {"own-frames", "map a frame of the machine's that nobody gave us", -XEN_EPERM,
     [](RuleBench& b) { return b.map_at(b.page(3), xen::page_entry(nobodys)); }},
    {"xen-slots", "write L4 entry 256", -XEN_EINVAL,
     [](RuleBench& b) {
       return b.update(entry_address(b.memory().root(), 256), xen::table_entry(b.frame(0)).value, MMU_NORMAL_PT_UPDATE);
     }},
    {"plain-write", "mmu_update on a plain page is a write", 0,
     [](RuleBench& b) {
       b.clear(0);
       const long answer = b.update(entry_address(b.frame(0), 5), 0x1234, MMU_NORMAL_PT_UPDATE);
       return b.read(0, 5) == 0x1234 ? answer : 1;
     }},
    {"plain-write", "mmu_update on a table is checked", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_pinned_l1(
           b, [&] { return b.update(entry_address(b.frame(0), 5), writable_entry(b.frame(0)), MMU_NORMAL_PT_UPDATE); });
     }},
    {"va-needs-l1", "update_va_mapping where no table is", -XEN_EINVAL,
     [](RuleBench& b) { return b.map_at(GuestVirt{0x7e0000000000}, xen::page_entry(b.frame(0))); }},
    {"pin-once", "pin an L1 twice", -XEN_EINVAL,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.ext(MMUEXT_PIN_L1_TABLE, b.frame(0)); }); }},
    {"pin-once", "unpin what is not pinned", -XEN_EINVAL,
     [](RuleBench& b) { return b.ext(MMUEXT_UNPIN_TABLE, b.frame(0)); }},
    {"base-is-l4", "load a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_NEW_BASEPTR, b.frame(0));
     }},
    {"base-is-l4", "load our own L4 again", 0,
     [](RuleBench& b) { return b.ext(MMUEXT_NEW_BASEPTR, b.memory().root()); }},
    {"m2p-own", "name a frame that is not ours", -XEN_EINVAL,
     [](RuleBench& b) { return b.update(pvboot::address_of(nobodys), 5, MMU_MACHPHYS_UPDATE); }},
    {"m2p-own", "name a frame of ours as it is", 0,
     [](RuleBench& b) {
       const auto name = b.memory().frames().pfn_of(b.frame(0));
       return name ? b.update(pvboot::address_of(b.frame(0)), name->value, MMU_MACHPHYS_UPDATE) : 1;
     }},
    {"gdt-types", "a page mapped writable as descriptor page", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       const std::uint64_t frame = b.frame(0).value;
       return Hypervisor::hypercall(__HYPERVISOR_set_gdt, xen::address(&frame), 512);
     }},
    {"gdt-types", "map a descriptor page writable", -XEN_EBUSY,
     [](RuleBench& b) {
       table_of(b, 0);
       const std::uint64_t frame = b.frame(0).value;
       if (const long failed = Hypervisor::hypercall(__HYPERVISOR_set_gdt, xen::address(&frame), 512))
         return and_back(b, failed + 1000);
       const long answer = b.map(0, true);
       Hypervisor::hypercall(__HYPERVISOR_set_gdt, 0, 0);
       return and_back(b, answer);
     }},
    {"reservation", "current_reservation counts all the frames that we were started with", 0,
     [](RuleBench& b) {
       const xen_memory_domain self{DOMID_SELF};
       const long owned =
           Hypervisor::hypercall(__HYPERVISOR_memory_op, XENMEM_current_reservation, xen::address(&self));
       return owned - static_cast<long>(b.memory().start().nr_pages);
     }},
    {"grant-writes", "pin a page as L1 that a backend has mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       table_of(b, 0);
       if (!b.grantee().map(b.frame(0)))
         return and_back(b, 1);
       const long answer = pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
       b.grantee().unmap();
       return answer;
     }},
    {"grant-writes", "pin it when the backend has let go", 0,
     [](RuleBench& b) {
       table_of(b, 0);
       if (!b.grantee().map(b.frame(0)))
         return and_back(b, 1);
       b.grantee().unmap();
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
};

} // namespace

std::span<const Rule> rules() { return all_rules; }

Result<RuleBench> RuleBench::make(xen::AddressSpace& memory, Grantee& grantee) {
  RuleBench bench(memory, grantee);
  bench.window_ = TRY(memory.map_new(pages));
  for (std::uint64_t i = 0; i < pages; ++i)
    bench.clear(i);
  return bench;
}

void RuleBench::clear(std::uint64_t index) { xen::zero(page(index), page_size); }
void RuleBench::write(std::uint64_t index, std::uint64_t entry, std::uint64_t value) {
  xen::poke<std::uint64_t>(page(index) + entry * xen::entry_bytes) = value;
}
std::uint64_t RuleBench::read(std::uint64_t index, std::uint64_t entry) const {
  return xen::peek<std::uint64_t>(page(index) + entry * xen::entry_bytes);
}

long RuleBench::map(std::uint64_t index, bool writable) {
  return map_at(page(index),
                xen::page_entry(frame(index), writable ? xen::Access::read_write : xen::Access::read_only));
}

long RuleBench::map_at(GuestVirt where, xen::Pte entry) {
  const xen::RawCall call = xen::UpdateVaMapping{where, entry}.raw();
  return Hypervisor::hypercall(call.number, call.args[0], call.args[1], call.args[2]);
}

long RuleBench::update(MachineAddr where, std::uint64_t value, unsigned command) {
  const mmu_update_t update{where.value | command, value};
  return Hypervisor::hypercall(__HYPERVISOR_mmu_update, xen::address(&update), 1, 0, DOMID_SELF);
}

long RuleBench::ext(unsigned command, Mfn frame) {
  mmuext_op_t op{};
  op.cmd = command;
  op.arg1.mfn = frame.value;
  return Hypervisor::hypercall(__HYPERVISOR_mmuext_op, xen::address(&op), 1, 0, DOMID_SELF);
}

long try_rule(const Rule& rule, RuleBench& bench) { return rule.attempt(bench); }

} // namespace pvboot::model
