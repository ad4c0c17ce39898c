// Time since Xen's start, from the pvclock in shared_info [xen/xen.h: struct vcpu_time_info].
//
// now() never goes back, whatever Xen or the time stamp counter do.
#pragma once

#include "base/block_source.hpp"
#include "xen/abi/xen.hpp"

namespace pvboot::xen {

/// A moment, in nanoseconds since Xen's start.
struct Instant {
  std::uint64_t nanoseconds = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const {
    std::uint64_t sum;
    return {__builtin_add_overflow(nanoseconds, d.nanoseconds, &sum) ? ~std::uint64_t{0} : sum};
  }
  /// How long after `earlier`; 0 when it is not later.
  constexpr Duration operator-(Instant earlier) const {
    return {nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0};
  }
};

class Clock {
public:
  /// `time` is vCPU 0's, in a mapped shared_info.
  explicit Clock(const volatile vcpu_time_info_t& time) : time_(time) {}

  Instant now() const;

private:
  const volatile vcpu_time_info_t& time_;
  mutable std::uint64_t latest_ = 0;
};

} // namespace pvboot::xen
