// Touching memory in the loader's build: an address of ours is a pointer.
#pragma once

#include "base/units.hpp"

namespace pvboot::xen {

struct Touch {
  static const std::byte* readable(GuestVirt at) { return reinterpret_cast<const std::byte*>(at.value); }
  static std::byte* writable(GuestVirt at) { return reinterpret_cast<std::byte*>(at.value); }
};

} // namespace pvboot::xen
