// Touching memory in the host's build: through whatever a test has installed, the model of Xen as a rule. Without one
// an address is a pointer, as in the loader.
#pragma once

#include "base/units.hpp"

#include <utility>

namespace pvboot::xen {

class MappedMemory {
public:
  virtual ~MappedMemory() = default;
  /// A pointer that is good up to the end of the page.
  virtual std::byte* touch(GuestVirt at, bool write) = 0;
};

struct HostTouch {
  static const std::byte* readable(GuestVirt at) { return reach(at, false); }
  static std::byte* writable(GuestVirt at) { return reach(at, true); }

  /// The memory from now on; returns the one before. The caller keeps both alive.
  static MappedMemory* install(MappedMemory* memory) { return std::exchange(memory_, memory); }

private:
  static std::byte* reach(GuestVirt at, bool write) {
    return memory_ == nullptr ? reinterpret_cast<std::byte*>(at.value) : memory_->touch(at, write);
  }
  inline static constinit MappedMemory* memory_ = nullptr;
};

using Touch = HostTouch;

} // namespace pvboot::xen
