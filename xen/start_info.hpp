// start_info as it comes in from whoever started us (Xen's domain builder, GRUB, or pvboot itself), checked and as a
// value [xen/xen.h: struct start_info; xen-abi.md part A].
//
// Fails with Code::corrupt when a field contradicts the contract so that nothing can be built on it.
#pragma once

#include "base/result.hpp"
#include "base/units.hpp"
#include "xen/abi/xen.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pvboot::xen {

struct EventPort {
  evtchn_port_t value = 0;
  constexpr auto operator<=>(const EventPort&) const = default;
};

struct StartInfo {
  /// A ring page that the domain builder set up, and the port that goes with it.
  struct Ring {
    Mfn frame;
    EventPort port;
  };
  /// The P2M where an INIT_P2M note asked for it; outside the bootstrap region.
  struct P2mFrames {
    Pfn first;
    std::uint64_t count = 0; ///< the list and the tables that map it
  };
  /// The module ("ramdisk="): mapped, or by its frames.
  struct Module {
    bool by_pfn = false;
    GuestVirt start{};      ///< !by_pfn
    Pfn first{};            ///< by_pfn
    std::uint64_t size = 0; ///< bytes
  };

  std::uint64_t nr_pages = 0;
  MachineAddr shared_info;
  std::uint32_t flags = 0; ///< SIF_*
  std::optional<Ring> store{};
  std::optional<Ring> console{}; ///< none in the initial domain, whose console is console_io
  GuestVirt pt_base;
  std::uint64_t nr_pt_frames = 0;
  GuestVirt mfn_list;
  std::optional<P2mFrames> p2m{};
  std::optional<Module> module{};
  std::string command_line{};

  bool initial_domain() const { return (flags & SIF_INITDOMAIN) != 0; }
};

Result<StartInfo> parse_start_info(const start_info_t& raw);

} // namespace pvboot::xen
