#include "tests/model/rules.hpp"

#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

namespace pvboot::model {

namespace {

using xen::Hypervisor;

constexpr std::uint64_t pages = 8;

} // namespace

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

} // namespace pvboot::model
