// A Xen for the tests of devices: event channels, grants, a clock that moves only when somebody waits or looks at it,
// and peers (a store, backends) that run whenever the guest waits.
#pragma once

#include "xen/clock.hpp"
#include "xen/events.hpp"
#include "xen/frame_lookup.hpp"
#include "xen/grant_table.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pvboot::xen {

/// Somebody on the other side of a ring. run() does what there is to do now.
class Peer {
public:
  virtual ~Peer() = default;
  virtual void run() = 0;
};

/// Thrown by SCHEDOP_shutdown, which does not return.
struct ShutdownSeen {
  unsigned reason;
};

/// Frames of host memory: each page that is asked for gets a number that a grant can hold.
class HostFrames final : public FrameLookup {
public:
  std::optional<Mfn> frame_of(const void* address) const override;
  std::byte* page_of(std::uint64_t frame) const;
  const void* forbidden = nullptr; ///< this page has no frame

private:
  mutable std::map<std::uintptr_t, std::uint64_t> numbers_;
  mutable std::vector<std::uintptr_t> pages_;
};

class FakeXen final : public HypercallHandler {
public:
  explicit FakeXen(std::size_t grant_entries = 4096);

  long hypercall(unsigned number, const HypercallArgs& args) override;
  std::uint64_t timestamp() override { return now_ns += 100; }

  void raise(EventPort port);

  std::uint64_t now_ns = 1'000'000'000;
  shared_info_t shared{};
  std::vector<grant_entry_v1_t> entries;
  std::vector<Peer*> peers;
  std::vector<bool> open_ports;
  std::size_t sends = 0;
  bool sends_fail = false;
  std::size_t polls = 0;
  std::string console_io;
  std::string console_input;

  // What the code under test is given.
  HostFrames frames;
  Clock clock{shared.vcpu_info[0].time};
  EventChannels events{shared};
  GrantTable grants;

  std::size_t grants_in_use() const;
  std::size_t ports_open() const;

private:
  long event_op(unsigned command, void* arg);
  long poll(const sched_poll_t& arg);
  long console(unsigned command, std::size_t size, char* text);

  InstalledHandler installed_;
};

} // namespace pvboot::xen
