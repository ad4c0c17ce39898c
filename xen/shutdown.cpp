#include "xen/shutdown.hpp"

#include "xen/hypercall/sched.hpp"

namespace pvboot::xen {

void shutdown(ShutdownReason reason) {
  // It only returns when Xen refuses, which it has no reason to.
  for (;;) {
    (void)issue(Shutdown(static_cast<unsigned>(reason)));
    (void)issue(Yield{});
  }
}

} // namespace pvboot::xen
