#include "xen/arch/x86_64/pv_guest.hpp"

#include "xen/arch/x86_64/exceptions.hpp"
#include "xen/crash.hpp"
#include "xen/hypercall/cpu.hpp"
#include "xen/hypercall/grant.hpp"
#include "xen/hypercall/mmu.hpp"

#include <array>
#include <new>

extern "C" char pvboot_stack_guard[];
extern "C" char pvboot_virt_base[];

namespace pvboot::xen {

namespace {

// Pages of the image that frames from outside are mapped over.
constexpr std::size_t grant_frames = 16;
enum Fixed : std::size_t {
  fixed_shared,
  fixed_store,
  fixed_console,
  fixed_grants,
  fixed_count = fixed_grants + grant_frames
};
alignas(page_size) constinit std::byte fixed_pages[fixed_count][page_size] = {};

// What compiled-in stack protectors read at %fs:0x28 [System V ABI, TLS; xen-abi.md part C].
struct ThreadBlock {
  std::uint64_t self;
  std::uint64_t unused[4];
  std::uint64_t canary;
};
static_assert(offsetof(ThreadBlock, canary) == 0x28);
constinit ThreadBlock thread_block = {};

constexpr std::uint64_t present_rw_accessed_dirty = 0x63;

void* map_fixed(std::size_t slot, Mfn frame) {
  void* page = fixed_pages[slot];
  auto mapped =
      issue(UpdateVaMapping{.where = {address(page)}, .pte = {address_of(frame).value | present_rw_accessed_dirty}});
  if (!mapped)
    crash("pvboot: Xen does not map a page of the guest's own (shared_info or a ring)\n");
  return page;
}

void set_thread_block() {
  thread_block.self = address(&thread_block);
  // Its lowest byte is 0, so that no string runs over it.
  thread_block.canary = (Hypervisor::timestamp() * 0x9e3779b97f4a7c15) & ~std::uint64_t{0xff};
  (void)issue(SetSegmentBase{SegmentBase::fs, address(&thread_block)});
}

// Version 1, and as many frames as there are pages for, or as Xen gives.
std::span<grant_entry_v1_t> map_grant_table() {
  (void)issue(SetGrantVersion(1));
  std::size_t count = grant_frames;
  QueryGrantSize size;
  if (issue(size) && size.arg.status == GNTST_okay && size.arg.max_nr_frames < count)
    count = size.arg.max_nr_frames;
  std::array<xen_pfn_t, grant_frames> frames{};
  const std::span<xen_pfn_t> wanted(frames.data(), count);
  SetupGrantTable setup(wanted);
  if (!issue(setup) || !grant_status(setup.arg.status))
    crash("pvboot: Xen does not set up the grant table\n");
  for (std::size_t i = 0; i < count; ++i)
    map_fixed(fixed_grants + i, {frames[i]});
  return {reinterpret_cast<grant_entry_v1_t*>(fixed_pages[fixed_grants]), count * page_size / sizeof(grant_entry_v1_t)};
}

// What lives as long as the domain is made on the heap and never freed: there are no static destructors.
template <typename T, typename... Args> T& forever(Args&&... args) { return *new T(std::forward<Args>(args)...); }

Console& open_console(const StartInfo& start, EventChannels& events, const Clock& clock) {
  if (!start.console)
    return forever<Console>(events, clock);
  void* ring = map_fixed(fixed_console, start.console->frame);
  return forever<Console>(*static_cast<xencons_interface*>(ring), start.console->port, events, clock);
}

XenStore* open_store(const StartInfo& start, EventChannels& events, const Clock& clock) {
  if (!start.store)
    return nullptr;
  void* ring = map_fixed(fixed_store, start.store->frame);
  return &forever<XenStore>(*static_cast<xenstore_domain_interface*>(ring), start.store->port, events, clock);
}

} // namespace

Guest& start_pv_guest(const start_info_t& raw) {
  install_exception_handlers();
  set_thread_block();
  auto parsed = parse_start_info(raw);
  if (!parsed)
    crash("pvboot: whoever started this guest passed a start_info that makes no sense\n");
  StartInfo& start = *parsed;

  auto& shared = *static_cast<shared_info_t*>(map_fixed(fixed_shared, {start.shared_info.value >> page_shift}));
  set_fault_information(&shared.vcpu_info[0]);
  (void)issue(UpdateVaMapping{.where = {address(pvboot_stack_guard)}, .pte = {}});

  auto& events = forever<EventChannels>(shared);
  auto& clock = forever<Clock>(shared.vcpu_info[0].time);
  Console& console = open_console(start, events, clock);
  set_crash_console(&console);
  XenStore* store = open_store(start, events, clock);
  auto& grants = forever<GrantTable>(map_grant_table());
  const auto* p2m = reinterpret_cast<const std::uint64_t*>(start.mfn_list.value);
  const auto& frames = forever<BootstrapFrames>(GuestVirt{address(pvboot_virt_base)}, std::span(p2m, start.nr_pages));
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): they live as long as the loader
  return forever<Guest>(std::move(start), shared, events, clock, console, store, grants, frames, raw);
}

ReplacedPages replaced_pages() { return {{address(fixed_pages)}, fixed_count}; }

} // namespace pvboot::xen
