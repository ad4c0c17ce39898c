// The trampoline as the model executes it: what xen/arch/x86_64/trampoline.S does with the block in its page.
#pragma once

#include "tests/model/xen.hpp"

#include <leave_of_build.hpp>

namespace pvboot::model {

/// The target has control. Thrown out of Handover::jump().
struct Entered {
  GuestVirt entry, start_info, stack;
  std::uint32_t mxcsr;
};

class TrampolineRun final : public xen::Departure {
public:
  explicit TrampolineRun(Xen& xen) : xen_(xen) {}
  /// Throws Entered, Shutdown when Xen refuses something, Fault when memory is not there.
  void leave(GuestVirt page) override;
  /// Whether leave() was called.
  bool left() const { return left_; }

private:
  Xen& xen_;
  bool left_ = false;
};

} // namespace pvboot::model
