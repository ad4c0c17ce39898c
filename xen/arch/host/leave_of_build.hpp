// Leaving for the trampoline, in the host's build: whatever a test has installed does what the trampoline's code would
// do with the block in its page. There is no code.
#pragma once

#include "base/bytes.hpp"
#include "base/units.hpp"

#include <cstdlib>
#include <utility>

namespace pvboot::xen {

class Departure {
public:
  virtual ~Departure() = default;
  /// Does not come back; a test throws.
  virtual void leave(GuestVirt trampoline) = 0;
};

struct HostLeave {
  static Bytes code() { return {}; }
  static std::uint64_t landing() { return 0; }
  [[noreturn]] static void to(GuestVirt at) {
    if (departure_ != nullptr)
      departure_->leave(at);
    std::abort();
  }
  static Departure* install(Departure* departure) { return std::exchange(departure_, departure); }

private:
  inline static constinit Departure* departure_ = nullptr;
};

using Leave = HostLeave;

} // namespace pvboot::xen
