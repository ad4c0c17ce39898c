// The start-of-day contract as a target could check it: from the vCPU, its page tables and its start_info on.
//
// Written from xen-abi.md part A; what a layout says is believed only where the contract leaves a choice. The first
// thing that is wrong ends the check with its text; an empty text means that all is as it must be.
#pragma once

#include "tests/model/departure.hpp"
#include "tests/model/domain.hpp"
#include "xen/memory/handover.hpp"

#include <string>

namespace pvboot::model {

struct Expected {
  const xen::StartOfDay& layout;
  const std::string& kernel_file;
  const std::string& initrd;
  const std::string& symbols;
  std::set<std::uint64_t> stuck; ///< machine frames that a backend still maps
  bool gathered = false;         ///< the guest's holes lie past what the target sees
};

std::string check_target(Domain& domain, const Entered& entered, const Expected& expected);

} // namespace pvboot::model
