// Counts what a kernel finds in use when it starts: a chain of loaders must leave a domain as Xen's builder made it.
//
// One line a kind of thing: frames (all names have one, all of them ours, P2M and M2P agree), event ports, grant
// entries, watches and transactions (how many the store still lets us have), the keys of each block device. Started
// by xl itself it shows what there is at the beginning. Its last line is "census: ok", or "census: N leaks", each of
// which has a line of its own before.
#include "base/text.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/hypercall/event.hpp"
#include "xen/hypercall/grant.hpp"
#include "xen/hypercall/memory.hpp"
#include "xen/memory/address_space.hpp"
#include "xen/memory/touch.hpp"
#include "xen/shutdown.hpp"

#include <algorithm>
#include <array>

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;
using namespace pvboot::xen;

constexpr std::uint32_t ports = EVTCHN_2L_NR_CHANNELS;
constexpr std::size_t most_grant_frames = 16;
constexpr std::uint64_t grant_entries_a_page = page_size / sizeof(grant_entry_v1_t);
constexpr unsigned most_watches = 200; // the store's own limit is below, and what is queued is bounded

class Census {
public:
  explicit Census(Guest& guest) : guest_(guest) {}

  Result<std::uint64_t> take() {
    memory_ = TRY(AddressSpace::adopt(guest_.start, GuestVirt{address(pvboot_virt_base)}));
    TRY_AT(frames(), "frames");
    event_ports();
    TRY_AT(grants(), "grants");
    if (guest_.store != nullptr) {
      TRY_AT(devices(*guest_.store), "devices");
      TRY_AT(quotas(*guest_.store), "xenstore");
    }
    return leaks_;
  }

  void say(const std::string& text) { guest_.console.write("census: " + text + "\n"); }

private:
  void leak(const std::string& text) {
    ++leaks_;
    say("LEAK: " + text);
  }

  Result<void> frames() {
    const std::uint64_t owned = TRY(issue(DomainMemory(DomainMemory::Question::current_reservation)));
    const FrameMap& names = memory_->frames();
    std::uint64_t holes = 0, misnamed = 0;
    for (Pfn name{0}; name.value < names.nr_pages(); ++name)
      if (names.is_hole(name))
        ++holes;
      else
        misnamed += peek<std::uint64_t>(GuestVirt{MACH2PHYS_VIRT_START + names.mfn_of(name).value * 8}) != name.value;
    say(dec(names.nr_pages()) + " names, " + dec(owned) + " frames, " + dec(holes) + " holes, " + dec(misnamed) +
        " misnamed");
    if (owned != names.nr_pages() || holes != 0 || misnamed != 0)
      leak("frames");
    return {};
  }

  bool expected(EventPort port) const {
    return (guest_.start.console && guest_.start.console->port == port) ||
           (guest_.start.store && guest_.start.store->port == port);
  }

  void event_ports() {
    std::uint64_t open = 0;
    for (std::uint32_t number = 1; number < ports; ++number) {
      PortStatus status(EventPort{number});
      // Past the last that was ever used Xen knows no port.
      if (!issue(status) || status.arg.status == EVTCHNSTAT_closed)
        continue;
      ++open;
      if (!expected(EventPort{number}) || status.arg.status != EVTCHNSTAT_interdomain)
        leak("event port " + dec(number) + " has status " + dec(status.arg.status));
    }
    say(dec(open) + " event ports");
    if (open != 2)
      leak("event ports");
  }

  Result<void> grants() {
    std::array<xen_pfn_t, most_grant_frames> frames{};
    QueryGrantSize size;
    TRY(issue(size));
    const std::size_t count = std::min<std::size_t>(most_grant_frames, size.arg.nr_frames);
    const std::span<xen_pfn_t> wanted(frames.data(), count);
    SetupGrantTable setup(wanted);
    TRY(issue(setup));
    std::uint64_t used = 0;
    for (std::size_t page = 0; page < count; ++page) {
      const GuestVirt at = TRY(memory_->map_machine(pvboot::address_of(Mfn{frames[page]}), false));
      for (std::uint64_t i = 0; i < grant_entries_a_page; ++i) {
        const auto entry = peek<grant_entry_v1_t>(at + i * sizeof(grant_entry_v1_t));
        const std::uint64_t number = page * grant_entries_a_page + i;
        if (entry.flags == 0)
          continue;
        ++used;
        if (number > GNTTAB_RESERVED_XENSTORE)
          leak("grant entry " + dec(number) + " has flags " + hex(entry.flags));
      }
      TRY(memory_->unmap_machine(at));
    }
    say(dec(used) + " grant entries in " + dec(count) + " pages");
    return {};
  }

  Result<void> devices(XenStore& store) {
    // What the toolstack writes for a frontend; everything else is a frontend's own.
    constexpr std::string_view of_the_host[] = {"backend", "backend-id", "device-type",   "protocol",
                                                "state",   "trusted",    "virtual-device"};
    const auto disks = store.list("device/vbd");
    if (!disks)
      return {};
    for (const std::string& disk : *disks) {
      const std::string folder = "device/vbd/" + disk;
      const std::uint64_t state = TRY(store.read_number(folder + "/state"));
      if (state != 1)
        leak(folder + " has state " + dec(state));
      for (const std::string& key : TRY(store.list(folder)))
        if (std::ranges::find(of_the_host, key) == std::end(of_the_host))
          leak(folder + " has the key " + printable(key));
    }
    say(dec(disks->size()) + " disks");
    return {};
  }

  // The store says nothing about what we have; it stops when we have too much.
  Result<void> quotas(XenStore& store) {
    unsigned transactions = 0, watches = 0;
    while (transactions < most_watches && store.begin())
      ++transactions;
    while (watches < most_watches && store.watch("data", "census-" + dec(watches)))
      ++watches;
    say(dec(transactions) + " transactions and " + dec(watches) + " watches to be had");
    return store.reset_watches();
  }

  Guest& guest_;
  std::unique_ptr<AddressSpace> memory_;
  std::uint64_t leaks_ = 0;
};

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  Guest& guest = start_pv_guest(*start);
  Census census(guest);
  const auto leaks = census.take();
  census.say(!leaks ? "FAILED: " + leaks.error().text() : *leaks == 0 ? "ok" : dec(*leaks) + " leaks");
  guest.console.drain(seconds(2));
  shutdown(ShutdownReason::poweroff);
}
