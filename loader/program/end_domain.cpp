#include "loader/program/end_domain.hpp"

namespace pvboot::loader {

namespace {
constexpr Duration drain_limit = seconds(2);
}

void end_domain(xen::Console& console, xen::ShutdownReason reason) {
  console.drain(drain_limit);
  xen::shutdown(reason);
}

} // namespace pvboot::loader
