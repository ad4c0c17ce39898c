// One whole handover in the model: a guest, a kernel, an initrd; from adopting the guest's memory to the check of
// what the target finds.
#pragma once

#include "loader/plan/layout.hpp"
#include "tests/model/domain.hpp"

#include <cstdint>
#include <string>

namespace pvboot::model {

struct HandoverCase {
  DomainSpec domain;
  plan::Target target;
  std::uint64_t kernel_file_bytes = 0;
  std::uint64_t initrd_bytes = 0;
  std::string command_line = "root=/dev/xvda1 ro";
  bool gather = false;             ///< the guest's holes are set aside first
  std::uint64_t work_pages = 0;    ///< a window of ours that is in use all the time
  std::uint64_t stuck_pages = 0;   ///< of these, pages that a backend never let go
  bool abandon_first = false;      ///< prepare, abandon, prepare again
  bool other_kernel_first = false; ///< the abandoned one is a kernel with its P2M in the region
  bool refuse_switch = false;      ///< Xen refuses the trampoline's last call
  bool refuse_first_pin = false;   ///< Xen refuses to pin the first attempt's tables
  std::uint64_t empty_wipes = 0;   ///< ranges of no bytes, besides those that are to be wiped

  std::string text() const;
};

/// A kernel as Linux is: four segments, P2M beside, initrd by PFN.
plan::Target linux_like(std::uint64_t megabytes);

/// Any shape of guest and kernel that `seed` makes.
HandoverCase random_case(std::uint64_t seed);

struct Outcome {
  bool refused = false; ///< by the layout or for want of memory, with all in order afterwards
  std::string wrong;    ///< empty: nothing
  std::string said;     ///< the refusal
  Xen::Effort effort;   ///< of the handover that succeeded: from the layout to the kernel's entry
};

Outcome run_case(const HandoverCase& test);

} // namespace pvboot::model
