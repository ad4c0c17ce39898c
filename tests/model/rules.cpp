#include "tests/model/rules.hpp"

#include "tests/model/deeds.hpp"
#include "xen/memory/vcpu_reset.hpp"

namespace pvboot::model {

namespace {

namespace pte = xen::pte;
using namespace deeds;
using xen::entry_address;
using xen::Hypervisor;

constexpr unsigned no_register = 8, no_callback = 15, no_segment = 4, no_assist = 6;

const Rule all_rules[] = {
    {RuleName::one_type, "pin a page as L1 that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_PIN_L1_TABLE, b.frame(0));
     }},
    {RuleName::one_type, "pin an empty page as L1 that is mapped read-only", 0,
     [](RuleBench& b) {
       table_of(b, 0);
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::one_type, "map a pinned L1 writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.map(0, true); }); }},
    {RuleName::one_type, "pin a table as L2 that is pinned as L1", -XEN_EINVAL,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.ext(MMUEXT_PIN_L2_TABLE, b.frame(0)); }); }},
    {RuleName::one_type, "pin a page as L4 that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_PIN_L4_TABLE, b.frame(0));
     }},
    {RuleName::one_type, "pin an empty page as L3", 0,
     [](RuleBench& b) { return with_pinned(b, MMUEXT_PIN_L3_TABLE, [] { return 0L; }); }},
    {RuleName::one_type, "pin an empty page as L4", 0,
     [](RuleBench& b) { return with_pinned(b, MMUEXT_PIN_L4_TABLE, [] { return 0L; }); }},
    {RuleName::one_type, "pin a table as L3 that is pinned as L4", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_pinned(b, MMUEXT_PIN_L4_TABLE, [&] { return b.ext(MMUEXT_PIN_L3_TABLE, b.frame(0)); });
     }},
    {RuleName::one_type, "map a pinned L4 writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_pinned(b, MMUEXT_PIN_L4_TABLE, [&] { return b.map(0, true); }); }},
    {RuleName::validate, "pin an L1 that maps our running L4 writable: the trap", -XEN_EBUSY,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.memory().root()));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::validate, "pin an L1 that maps our running L4 read-only", 0,
     [](RuleBench& b) {
       table_of(b, xen::page_entry(b.memory().root(), xen::Access::read_only).value);
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::validate, "pin an L1 that maps itself writable", -XEN_EBUSY,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.frame(0)));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::validate, "pin an L2 over a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_writable(b, MMUEXT_PIN_L2_TABLE); }},
    {RuleName::validate, "pin an L3 over a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_writable(b, MMUEXT_PIN_L3_TABLE); }},
    {RuleName::validate, "pin an L4 over a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_writable(b, MMUEXT_PIN_L4_TABLE); }},
    {RuleName::validate, "pin an L3 over an empty L2", 0,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L3_TABLE); }},
    {RuleName::validate, "pin an L4 over an empty L3", 0,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L4_TABLE); }},
    {RuleName::validate, "pin an L4 over a table that is pinned as L2", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_pinned(b, MMUEXT_PIN_L2_TABLE, [&] {
         b.clear(1);
         b.write(1, 0, xen::table_entry(b.frame(0)).value);
         b.map(1, false);
         const long answer = b.ext(MMUEXT_PIN_L4_TABLE, b.frame(1));
         b.map(1, true);
         return answer;
       });
     }},
    {RuleName::validate, "an L3 in two L4s at once, one of them running", 0,
     [](RuleBench& b) { return with_l3_in_two_l4s(b, [] { return 0L; }); }},
    {RuleName::validate, "map it writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_l3_in_two_l4s(b, [&] { return b.map(1, true); }); }},
    {RuleName::validate, "map it writable when only the running L4 has it", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_l3_in_two_l4s(b, [&] {
         b.ext(MMUEXT_UNPIN_TABLE, b.frame(0));
         return b.map(1, true);
       });
     }},
    {RuleName::validate, "map it writable when only the other L4 has it", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_l3_in_two_l4s(b, [&] {
         write_root(b, spare_slot, 0);
         return b.map(1, true);
       });
     }},
    {RuleName::validate, "map it writable when neither has it", 0,
     [](RuleBench& b) {
       return with_l3_in_two_l4s(b, [&] {
         write_root(b, spare_slot, 0);
         b.ext(MMUEXT_UNPIN_TABLE, b.frame(0));
         return b.map(1, true);
       });
     }},
    {RuleName::validate, "after a refused pin the page below is plain again", 0,
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
    {RuleName::validate, "an L1 in two slots of one L2", 0,
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
    {RuleName::entry_bits, "pin an L2 with a large page", -XEN_EINVAL,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.frame(2)) | large | pte::user);
       return pin_and_unpin(b, MMUEXT_PIN_L2_TABLE);
     }},
    {RuleName::entry_bits, "pin an L3 with a large page", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L3_TABLE, large); }},
    {RuleName::entry_bits, "pin an L4 with a large page", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L4_TABLE, large); }},
    {RuleName::entry_bits, "pin an L1 with an uncached page", -XEN_EINVAL,
     [](RuleBench& b) { return pin_l1_with(b, uncached); }},
    {RuleName::entry_bits, "map a page with the PAT bit", -XEN_EINVAL,
     [](RuleBench& b) { return map_for_a_moment(b, {writable_entry(b.frame(3)) | large}); }},
    {RuleName::entry_bits, "pin an L1 with a user's page that is global", 0,
     [](RuleBench& b) { return pin_l1_with(b, global | pte::user); }},
    {RuleName::entry_bits, "pin an L2 with a global entry", -XEN_EINVAL,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L2_TABLE, global); }},
    {RuleName::entry_bits, "pin an L1 with all bits that are software's", 0,
     [](RuleBench& b) { return pin_l1_with(b, software_bits); }},
    {RuleName::entry_bits, "pin an L2 with all bits that are software's", 0,
     [](RuleBench& b) { return pin_over_empty(b, MMUEXT_PIN_L2_TABLE, software_bits); }},
    {RuleName::entry_bits, "pin an L1 with a page that cannot be executed", 0,
     [](RuleBench& b) { return pin_l1_with(b, no_execute); }},
    {RuleName::own_frames, "map a frame that the machine does not have", -XEN_EPERM,
     [](RuleBench& b) { return map_for_a_moment(b, xen::page_entry(nowhere)); }},
    {RuleName::own_frames, "pin an L1 that maps such a frame", -XEN_EPERM,
     [](RuleBench& b) {
       table_of(b, writable_entry(nowhere));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::own_frames, "pin an L2 over such a frame", -XEN_EINVAL,
     [](RuleBench& b) {
       table_of(b, xen::table_entry(nowhere).value);
       return pin_and_unpin(b, MMUEXT_PIN_L2_TABLE);
     }},
    {RuleName::own_frames, "map shared_info, which Xen has given us", 0,
     [](RuleBench& b) { return map_for_a_moment(b, xen::page_entry(b.shared_info())); }},
    {RuleName::own_frames, "pin an L1 that maps shared_info", 0,
     [](RuleBench& b) {
       table_of(b, writable_entry(b.shared_info()));
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::own_frames, "pin shared_info as L1", -XEN_EINVAL,
     [](RuleBench& b) { return b.ext(MMUEXT_PIN_L1_TABLE, b.shared_info()); }},
    {RuleName::own_frames, "map a frame of the machine's that nobody gave us", -XEN_EPERM,
     [](RuleBench& b) { return b.map_at(b.page(3), xen::page_entry(nobodys)); }},
    {RuleName::xen_slots, "write L4 entry 256", -XEN_EINVAL,
     [](RuleBench& b) { return write_root(b, first_of_xen, xen::table_entry(b.frame(0)).value); }},
    {RuleName::xen_slots, "clear L4 entry 271", -XEN_EINVAL,
     [](RuleBench& b) { return write_root(b, last_of_xen, 0); }},
    {RuleName::xen_slots, "write L4 entry 272 as it is", 0,
     [](RuleBench& b) { return write_root(b, after_xen, b.memory().root_entry(after_xen).value); }},
    {RuleName::xen_slots, "what a page has in entry 256 does not matter when it is pinned as L4", 0,
     [](RuleBench& b) {
       b.clear(0);
       b.write(0, xen::index_in(xen::Level::l4, first_of_xen), ~std::uint64_t{0});
       b.map(0, false);
       return pin_and_unpin(b, MMUEXT_PIN_L4_TABLE);
     }},
    {RuleName::plain_write, "mmu_update on a plain page is a write", 0,
     [](RuleBench& b) {
       b.clear(0);
       const long answer = b.update(entry_address(b.frame(0), 5), 0x1234, MMU_NORMAL_PT_UPDATE);
       return b.read(0, 5) == 0x1234 ? answer : 1;
     }},
    {RuleName::plain_write, "mmu_update on a table is checked", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_pinned_l1(
           b, [&] { return b.update(entry_address(b.frame(0), 5), writable_entry(b.frame(0)), MMU_NORMAL_PT_UPDATE); });
     }},
    {RuleName::va_needs_l1, "update_va_mapping where no table is", -XEN_EINVAL,
     [](RuleBench& b) { return b.map_at(GuestVirt{0x7e0000000000}, xen::page_entry(b.frame(0))); }},
    {RuleName::pin_once, "pin an L1 twice", -XEN_EINVAL,
     [](RuleBench& b) { return with_pinned_l1(b, [&] { return b.ext(MMUEXT_PIN_L1_TABLE, b.frame(0)); }); }},
    {RuleName::pin_once, "pin an L4 twice", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_pinned(b, MMUEXT_PIN_L4_TABLE, [&] { return b.ext(MMUEXT_PIN_L4_TABLE, b.frame(0)); });
     }},
    {RuleName::pin_once, "unpin what is not pinned", -XEN_EINVAL,
     [](RuleBench& b) { return b.ext(MMUEXT_UNPIN_TABLE, b.frame(0)); }},
    {RuleName::base_is_l4, "load a page that is mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_NEW_BASEPTR, b.frame(0));
     }},
    {RuleName::base_is_l4, "load our own L4 again", 0,
     [](RuleBench& b) { return b.ext(MMUEXT_NEW_BASEPTR, b.memory().root()); }},
    {RuleName::base_is_l4, "load a table that is pinned as L3", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_pinned(b, MMUEXT_PIN_L3_TABLE, [&] { return b.ext(MMUEXT_NEW_BASEPTR, b.frame(0)); });
     }},
    {RuleName::base_is_l4, "load a page that was plain memory and is pinned as L4", 0,
     [](RuleBench& b) { return with_other_base(b, Pinned::yes, [] { return 0L; }); }},
    {RuleName::base_is_l4, "map our old L4 writable, which is pinned and not loaded", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_other_base(b, Pinned::yes, [&] { return map_for_a_moment(b, xen::page_entry(b.memory().root())); });
     }},
    {RuleName::base_is_l4, "map an L4 writable that is loaded and not pinned any more", -XEN_EBUSY,
     [](RuleBench& b) {
       return with_other_base(b, Pinned::yes, [&] {
         b.ext(MMUEXT_UNPIN_TABLE, b.frame(0));
         return b.map(0, true);
       });
     }},
    {RuleName::base_is_l4, "load a page that can become an L4", 0,
     [](RuleBench& b) { return with_other_base(b, Pinned::no, [] { return 0L; }); }},
    {RuleName::base_is_l4, "map it writable when our old L4 is loaded again", 0,
     [](RuleBench& b) {
       return with_other_base(b, Pinned::no, [&] {
         b.ext(MMUEXT_NEW_BASEPTR, b.memory().root());
         return b.map(0, true);
       });
     }},
    {RuleName::user_base, "a page mapped writable as the user's base", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       return b.ext(MMUEXT_NEW_USER_BASEPTR, b.frame(0));
     }},
    {RuleName::user_base, "a table that is pinned as L2 as the user's base", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_pinned(b, MMUEXT_PIN_L2_TABLE, [&] { return b.ext(MMUEXT_NEW_USER_BASEPTR, b.frame(0)); });
     }},
    {RuleName::user_base, "our running L4 as the user's base, and none again", 0,
     [](RuleBench& b) {
       const long answer = b.ext(MMUEXT_NEW_USER_BASEPTR, b.memory().root());
       return answer != 0 ? answer : b.ext(MMUEXT_NEW_USER_BASEPTR, Mfn{0});
     }},
    {RuleName::user_base, "a page that can become an L4 as the user's base", 0,
     [](RuleBench& b) { return with_user_base(b, [] { return 0L; }); }},
    {RuleName::user_base, "map the user's base writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_user_base(b, [&] { return b.map(0, true); }); }},
    {RuleName::user_base, "map it writable when there is none", 0,
     [](RuleBench& b) {
       return with_user_base(b, [&] {
         b.ext(MMUEXT_NEW_USER_BASEPTR, Mfn{0});
         return b.map(0, true);
       });
     }},
    {RuleName::m2p_own, "name a frame that is not ours", -XEN_EINVAL,
     [](RuleBench& b) { return b.update(pvboot::address_of(nobodys), 5, MMU_MACHPHYS_UPDATE); }},
    {RuleName::m2p_own, "name a frame of ours as it is", 0,
     [](RuleBench& b) {
       const auto name = b.memory().frames().pfn_of(b.frame(0));
       return name ? b.update(pvboot::address_of(b.frame(0)), name->value, MMU_MACHPHYS_UPDATE) : 1;
     }},
    {RuleName::gdt_types, "a page mapped writable as descriptor page", -XEN_EINVAL,
     [](RuleBench& b) {
       b.clear(0);
       const std::uint64_t frame = b.frame(0).value;
       return Hypervisor::hypercall(__HYPERVISOR_set_gdt, xen::address(&frame), 512);
     }},
    {RuleName::gdt_types, "map a descriptor page writable", -XEN_EBUSY,
     [](RuleBench& b) { return with_gdt(b, [&] { return b.map(0, true); }); }},
    {RuleName::gdt_types, "pin a descriptor page as L1", -XEN_EINVAL,
     [](RuleBench& b) { return with_gdt(b, [&] { return b.ext(MMUEXT_PIN_L1_TABLE, b.frame(0)); }); }},
    {RuleName::gdt_types, "map it writable when there is no GDT", 0,
     [](RuleBench& b) {
       return with_gdt(b, [&] {
         Hypervisor::hypercall(__HYPERVISOR_set_gdt, 0, 0);
         return b.map(0, true);
       });
     }},
    {RuleName::plain_write, "mmu_update on a descriptor page", -XEN_EINVAL,
     [](RuleBench& b) {
       return with_gdt(b, [&] { return b.update(entry_address(b.frame(0), 5), 0, MMU_NORMAL_PT_UPDATE); });
     }},
    {RuleName::reservation, "current_reservation counts all the frames that we were started with", 0,
     [](RuleBench& b) {
       const xen_memory_domain self{DOMID_SELF};
       const long owned =
           Hypervisor::hypercall(__HYPERVISOR_memory_op, XENMEM_current_reservation, xen::address(&self));
       return owned - static_cast<long>(b.memory().start().nr_pages);
     }},
    {RuleName::grant_writes, "pin a page as L1 that a backend has mapped writable", -XEN_EINVAL,
     [](RuleBench& b) {
       table_of(b, 0);
       if (!b.grantee().map(b.frame(0)))
         return and_back(b, 1);
       const long answer = pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
       b.grantee().unmap();
       return answer;
     }},
    {RuleName::grant_writes, "pin it when the backend has let go", 0,
     [](RuleBench& b) {
       table_of(b, 0);
       if (!b.grantee().map(b.frame(0)))
         return and_back(b, 1);
       b.grantee().unmap();
       return pin_and_unpin(b, MMUEXT_PIN_L1_TABLE);
     }},
    {RuleName::vcpu_state, "unregister the event callback", -XEN_EINVAL,
     [](RuleBench&) { return callback_op(CALLBACKOP_unregister, callback_unregister_t{CALLBACKTYPE_event, 0}); }},
    {RuleName::vcpu_state, "unregister a callback that Xen does not know", -XEN_ENOSYS,
     [](RuleBench&) { return callback_op(CALLBACKOP_unregister, callback_unregister_t{no_callback, 0}); }},
    {RuleName::vcpu_state, "register a callback that Xen does not know", -XEN_ENOSYS,
     [](RuleBench&) { return callback_op(CALLBACKOP_register, callback_register_t{no_callback, 0, 0}); }},
    {RuleName::vcpu_state, "set a debug register that there is not", -XEN_ENODEV,
     [](RuleBench&) { return Hypervisor::hypercall(__HYPERVISOR_set_debugreg, no_register, 0); }},
    {RuleName::vcpu_state, "set the base of a segment that there is not", -XEN_EINVAL,
     [](RuleBench&) { return Hypervisor::hypercall(__HYPERVISOR_set_segment_base, no_segment, 0); }},
    {RuleName::vcpu_state, "enable an assist that Xen does not know", -XEN_EINVAL,
     [](RuleBench&) { return Hypervisor::hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, no_assist); }},
    {RuleName::vcpu_state, "disable every assist, as the reset does", 0,
     [](RuleBench&) {
       long answer = 0;
       for (const xen::ResetStep& step : xen::vcpu_reset_steps(GuestVirt{0}))
         if (const auto* assist = std::get_if<xen::VmAssist>(&step))
           answer += Hypervisor::hypercall(assist->raw().number, assist->raw().args[0], assist->raw().args[1]);
       return answer;
     }},
};

} // namespace

std::span<const Rule> rules() { return all_rules; }

long try_rule(const Rule& rule, RuleBench& bench) { return rule.attempt(bench); }

} // namespace pvboot::model
