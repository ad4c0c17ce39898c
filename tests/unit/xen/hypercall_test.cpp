// Every typed hypercall in the registers that Xen's headers ask for.
#include "xen/hypercall/cpu.hpp"
#include "xen/hypercall/event.hpp"
#include "xen/hypercall/grant.hpp"
#include "xen/hypercall/memory.hpp"
#include "xen/hypercall/misc.hpp"
#include "xen/hypercall/mmu.hpp"
#include "xen/hypercall/multicall.hpp"
#include "xen/hypercall/sched.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

/// Answers from a queue (0 when it is empty) and remembers the calls.
class Recorder final : public HypercallHandler {
public:
  long hypercall(unsigned number, const HypercallArgs& args) override {
    calls.push_back({number, args});
    if (on_call)
      on_call(calls.back());
    if (answers.empty())
      return 0;
    const long answer = answers.front();
    answers.pop_front();
    return answer;
  }
  std::vector<RawCall> calls;
  std::deque<long> answers;
  std::function<void(const RawCall&)> on_call;

private:
  InstalledHandler installed_{*this};
};

template <typename T> const T& at(std::uint64_t where) { return *reinterpret_cast<const T*>(where); }

} // namespace

TEST_CASE("calls that fit the registers") {
  const trap_info_t traps[1] = {};
  const xen_pfn_t frames[2] = {};
  std::uint64_t mask = 1;
  char text[4];
  struct Case {
    RawCall made, expected;
  };
  const Case cases[] = {
      {SetTrapTable{traps}.raw(), {0, {address(traps)}}},
      {SetTrapTable{}.raw(), {0, {}}},
      {SetGdt{frames, 17}.raw(), {2, {address(frames), 17}}},
      {StackSwitch{0xe02b, {0x1000}}.raw(), {3, {0xe02b, 0x1000}}},
      {SetCallbacks{{1}, {2}, {3}}.raw(), {4, {1, 2, 3}}},
      {FpuTaskswitch{true}.raw(), {5, {1}}},
      {FpuTaskswitch{false}.raw(), {5, {0}}},
      {SetDebugreg{7, 0x400}.raw(), {8, {7, 0x400}}},
      {GetDebugreg{6}.raw(), {9, {6}}},
      {UpdateDescriptor{{0x5008}, 0xcf9b000000ffff}.raw(), {10, {0x5008, 0xcf9b000000ffff}}},
      {UpdateVaMapping{{0x2000}, {0x5067}, Flush::page_local()}.raw(), {14, {0x2000, 0x5067, 2}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::none()}.raw(), {14, {0x2000, 0, 0}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::tlb_local()}.raw(), {14, {0x2000, 0, 1}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::tlb_all()}.raw(), {14, {0x2000, 0, 5}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::page_all()}.raw(), {14, {0x2000, 0, 6}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::tlb_of(&mask)}.raw(), {14, {0x2000, 0, address(&mask) | 1}}},
      {UpdateVaMapping{{0x2000}, {}, Flush::page_of(&mask)}.raw(), {14, {0x2000, 0, address(&mask) | 2}}},
      {SetTimer{123}.raw(), {15, {123}}},
      {XenVersion{}.raw(), {17, {0, 0}}},
      {XenVersion{XenVersion::Command::capabilities, text}.raw(), {17, {3, address(text)}}},
      {ConsoleWrite{std::string_view(text, 4)}.raw(), {18, {0, 4, address(text)}}},
      {ConsoleRead{text}.raw(), {18, {1, 4, address(text)}}},
      {VmAssist{true, Assist::writable_pagetables}.raw(), {21, {0, 2}}},
      {VmAssist{false, Assist::m2p_strict}.raw(), {21, {1, 32}}},
      {UpdateVaMappingOtherDomain{{0x2000}, {0x5067}, Flush::none(), DomainId::io()}.raw(),
       {22, {0x2000, 0x5067, 0, 0x7ff1}}},
      {Iret{}.raw(), {23, {}}},
      {VcpuOp{VcpuOp::Command::is_up, 3}.raw(), {24, {3, 3, 0}}},
      {VcpuOp{VcpuOp::Command::stop_singleshot_timer, 0, text}.raw(), {24, {9, 0, address(text)}}},
      {SetSegmentBase{SegmentBase::fs, 0x1234}.raw(), {25, {0, 0x1234}}},
      {SetSegmentBase{SegmentBase::gs_kernel, 5}.raw(), {25, {2, 5}}},
      {UnregisterNmi{}.raw(), {28, {1}}},
      {Yield{}.raw(), {29, {0}}},
      {Block{}.raw(), {29, {1}}},
      {MaximumRamPage{}.raw(), {12, {2}}},
  };
  for (const Case& c : cases) {
    INFO("hypercall " << name_of_hypercall(c.expected.number));
    CHECK(c.made.number == c.expected.number);
    CHECK(c.made.args == c.expected.args);
  }
}

TEST_CASE("calls that carry a struct name their command and point to it") {
  const auto carries = [](const auto& call, unsigned number, std::uint64_t command) {
    const RawCall raw = call.raw();
    return raw.number == number && raw.args[0] == command && raw.args[1] == address(&call.arg);
  };
  std::vector<xen_pfn_t> frames = {1, 2, 3};
  std::vector<evtchn_port_t> ports = {4, 5};
  std::uint8_t bitmap[1] = {};

  const Poll poll(ports, 99);
  CHECK(carries(poll, 29, SCHEDOP_poll));
  CHECK(poll.arg.ports.p == ports.data());
  CHECK(poll.arg.nr_ports == 2);
  CHECK(poll.arg.timeout == 99);
  const Shutdown shutdown(SHUTDOWN_crash);
  CHECK(carries(shutdown, 29, SCHEDOP_shutdown));
  CHECK(shutdown.arg.reason == 3);
  CHECK(carries(ShutdownCode(1), 29, SCHEDOP_shutdown_code));
  const Watchdog watchdog(2, 30);
  CHECK(carries(watchdog, 29, SCHEDOP_watchdog));
  CHECK((watchdog.arg.id == 2 && watchdog.arg.timeout == 30));

  const RegisterCallback callback(CallbackType::syscall, {0x99}, true);
  CHECK(carries(callback, 30, CALLBACKOP_register));
  CHECK((callback.arg.type == 2 && callback.arg.flags == 1 && callback.arg.address == 0x99));
  CHECK(carries(UnregisterCallback(CallbackType::nmi), 30, CALLBACKOP_unregister));
  CHECK(carries(RegisterNmi({0x77}), 28, XENNMI_register_callback));

  const AllocUnbound unbound(DomainId{5});
  CHECK(carries(unbound, 32, EVTCHNOP_alloc_unbound));
  CHECK((unbound.arg.dom == DOMID_SELF && unbound.arg.remote_dom == 5));
  const BindInterdomain interdomain(DomainId{5}, {12});
  CHECK(carries(interdomain, 32, EVTCHNOP_bind_interdomain));
  CHECK((interdomain.arg.remote_dom == 5 && interdomain.arg.remote_port == 12));
  const BindVirq virq(Virq::console, 1);
  CHECK(carries(virq, 32, EVTCHNOP_bind_virq));
  CHECK((virq.arg.virq == 2 && virq.arg.vcpu == 1));
  CHECK(carries(BindPirq(3, true), 32, EVTCHNOP_bind_pirq));
  CHECK(carries(BindIpi(1), 32, EVTCHNOP_bind_ipi));
  CHECK(carries(ClosePort({3}), 32, EVTCHNOP_close));
  CHECK(carries(SendEvent({3}), 32, EVTCHNOP_send));
  CHECK(carries(PortStatus({3}), 32, EVTCHNOP_status));
  CHECK(carries(BindVcpu({3}, 1), 32, EVTCHNOP_bind_vcpu));
  CHECK(carries(UnmaskPort({3}), 32, EVTCHNOP_unmask));

  const Reservation populate(Reservation::Command::populate, frames, 9);
  CHECK(carries(populate, 12, XENMEM_populate_physmap));
  CHECK((populate.arg.extent_start.p == frames.data() && populate.arg.nr_extents == 3 &&
         populate.arg.extent_order == 9 && populate.arg.domid == DOMID_SELF));
  CHECK(carries(Reservation(Reservation::Command::decrease, frames), 12, XENMEM_decrease_reservation));
  CHECK(carries(MemoryExchange(frames, 0, frames, 0), 12, XENMEM_exchange));
  CHECK(carries(DomainMemory(DomainMemory::Question::maximum_reservation), 12, XENMEM_maximum_reservation));
  CHECK(carries(MachphysMapping{}, 12, XENMEM_machphys_mapping));
  CHECK(carries(MachphysMfnList(frames), 12, XENMEM_machphys_mfn_list));
  CHECK(carries(MemoryMap(nullptr, 0), 12, XENMEM_memory_map));
  CHECK(carries(AddToPhysmap(XENMAPSPACE_shared_info, 0, {5}), 12, XENMEM_add_to_physmap));
  CHECK(carries(RemoveFromPhysmap({5}), 12, XENMEM_remove_from_physmap));

  const SetupGrantTable setup(frames);
  CHECK(carries(setup, 20, GNTTABOP_setup_table));
  CHECK(setup.raw().args[2] == 1);
  CHECK((setup.arg.nr_frames == 3 && setup.arg.frame_list.p == frames.data()));
  CHECK(carries(QueryGrantSize(), 20, GNTTABOP_query_size));
  CHECK(carries(GetGrantVersion(), 20, GNTTABOP_get_version));
  CHECK(carries(SetGrantVersion(1), 20, GNTTABOP_set_version));
  CHECK(carries(MapGrant(DomainId{1}, 9, 0x1000, GNTMAP_host_map), 20, GNTTABOP_map_grant_ref));
  CHECK(carries(UnmapGrant(0x1000, 4), 20, GNTTABOP_unmap_grant_ref));
  CHECK(carries(CopyGrant(gnttab_copy_t{}), 20, GNTTABOP_copy));

  CHECK(carries(SetIopl(1), 33, PHYSDEVOP_set_iopl));
  CHECK(carries(SetIoBitmap(bitmap, 8), 33, PHYSDEVOP_set_iobitmap));
  CHECK(carries(EndOfInterrupt(4), 33, PHYSDEVOP_eoi));
  CHECK(carries(IrqStatus(4), 33, PHYSDEVOP_irq_status_query));
  const GetHvmParam get(HVM_PARAM_STORE_PFN);
  CHECK(carries(get, 34, HVMOP_get_param));
  CHECK((get.arg.domid == DOMID_SELF && get.arg.index == HVM_PARAM_STORE_PFN));
  CHECK(carries(SetHvmParam(1, 2), 34, HVMOP_set_param));
}

TEST_CASE("every MMUEXT command has its number and its arguments") {
  std::uint64_t mask = 1;
  struct Case {
    MmuExt command;
    unsigned cmd;
    std::uint64_t arg1, arg2;
  };
  const Case cases[] = {
      {PinTable{Level::l1, {5}}, 0, 5, 0},
      {PinTable{Level::l2, {5}}, 1, 5, 0},
      {PinTable{Level::l3, {5}}, 2, 5, 0},
      {PinTable{Level::l4, {5}}, 3, 5, 0},
      {UnpinTable{{5}}, 4, 5, 0},
      {NewBasePtr{{5}}, 5, 5, 0},
      {FlushTlbLocal{}, 6, 0, 0},
      {InvlpgLocal{{0x4000}}, 7, 0x4000, 0},
      {FlushTlbMulti{&mask}, 8, 0, address(&mask)},
      {InvlpgMulti{{0x4000}, &mask}, 9, 0x4000, address(&mask)},
      {FlushTlbAll{}, 10, 0, 0},
      {InvlpgAll{{0x4000}}, 11, 0x4000, 0},
      {FlushCache{}, 12, 0, 0},
      {SetLdt{{0x4000}, 3}, 13, 0x4000, 3},
      {NewUserBasePtr{{0}}, 15, 0, 0},
      {ClearPage{{6}}, 16, 6, 0},
      {CopyPage{{6}, {7}}, 17, 6, 7},
      {FlushCacheGlobal{}, 18, 0, 0},
      {MarkSuper{{8}}, 19, 8, 0},
      {UnmarkSuper{{8}}, 20, 8, 0},
  };
  for (const Case& c : cases) {
    const mmuext_op_t op = encode(c.command);
    INFO("command " << c.cmd);
    CHECK(op.cmd == c.cmd);
    CHECK(op.arg1.mfn == c.arg1);
    CHECK(op.arg2.src_mfn == c.arg2);
  }
}

TEST_CASE("mmu updates carry their command in the low bits of the address") {
  CHECK(MmuUpdate::entry({0x1008}, {0x5067}).encode().ptr == 0x1008);
  CHECK(MmuUpdate::machphys({0x10}, {0x20}).encode().ptr == 0x10001);
  CHECK(MmuUpdate::machphys({0x10}, {0x20}).encode().val == 0x20);
  CHECK(MmuUpdate::entry_keeping_ad({0x1008}, {0x5067}).encode().ptr == 0x100a);
}

TEST_CASE("many updates leave in batches, in order, and all are counted") {
  Recorder xen;
  std::vector<std::uint64_t> seen;
  xen.on_call = [&](const RawCall& call) {
    for (std::uint64_t i = 0; i < call.args[1]; ++i)
      seen.push_back((&at<mmu_update_t>(call.args[0]))[i].val);
  };
  std::vector<MmuUpdate> updates;
  for (std::uint64_t i = 0; i < 1000; ++i)
    updates.push_back(MmuUpdate::machphys({i}, {i * 3}));
  std::size_t done = 0;
  REQUIRE(pvboot::xen::mmu_update(updates, &done));
  CHECK(done == 1000);
  CHECK(xen.calls.size() < 20);
  CHECK(xen.calls.front().number == __HYPERVISOR_mmu_update);
  CHECK(xen.calls.front().args[3] == DOMID_SELF);
  REQUIRE(seen.size() == 1000);
  for (std::uint64_t i = 0; i < 1000; ++i)
    CHECK(seen[i] == i * 3);
}

TEST_CASE("a batch that fails says how far it came") {
  Recorder xen;
  xen.answers = {-XEN_EINVAL};
  xen.on_call = [&](const RawCall& call) { *reinterpret_cast<unsigned*>(call.args[2]) = 2; };
  const MmuExt commands[] = {PinTable{Level::l4, {1}}, NewBasePtr{{1}}, UnpinTable{{2}}};
  std::size_t done = 0;
  const auto result = mmuext(commands, &done);
  REQUIRE(!result);
  CHECK(done == 2);
  CHECK(result.error().code() == Code::invalid);
  CHECK(result.error().places() == "mmuext_op");
}

TEST_CASE("a multicall sends all, goes on after a failure, and names the first") {
  Recorder xen;
  xen.on_call = [](const RawCall& call) {
    auto* entries = reinterpret_cast<multicall_entry_t*>(call.args[0]);
    entries[0].result = 0;
    entries[1].result = static_cast<unsigned long>(-XEN_EPERM);
    entries[2].result = 7;
  };
  Multicall batch;
  batch.add(FpuTaskswitch{false});
  batch.add(SetDebugreg{7, 0x400});
  batch.add(XenVersion{});
  CHECK(batch.size() == 3);
  const auto result = batch.issue();
  REQUIRE(!result);
  CHECK(result.error().code() == Code::denied);
  CHECK(result.error().places() == "call 1 of 3: set_debugreg");
  CHECK(batch.results() == std::vector<long>{0, -XEN_EPERM, 7});
  CHECK(xen.calls.size() == 1);
  CHECK(xen.calls[0].number == __HYPERVISOR_multicall);
  CHECK(xen.calls[0].args[1] == 3);
  CHECK(batch.size() == 0);
}

TEST_CASE("Xen's errors become codes") {
  Recorder xen;
  xen.answers = {-XEN_ENOSYS, -XEN_EPERM, -XEN_ENOMEM, -XEN_ESRCH, -95, -4000, 42};
  const Code codes[] = {Code::unsupported, Code::denied,      Code::out_of_memory,
                        Code::not_found,   Code::unsupported, Code::denied};
  for (const Code code : codes)
    CHECK(issue(Yield{}).error().code() == code);
  CHECK(*issue(XenVersion{}) == 42);
}

TEST_CASE("without a handler every hypercall is unknown") { CHECK(issue(Yield{}).error().code() == Code::unsupported); }

TEST_CASE("grant statuses are results") {
  CHECK(grant_status(GNTST_okay));
  CHECK(grant_status(GNTST_no_space).error().code() == Code::out_of_memory);
  CHECK(grant_status(GNTST_bad_page).error().text() == "status -9: grant: refused by Xen");
}
