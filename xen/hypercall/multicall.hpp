// Many hypercalls in one [xen/xen.h: HYPERVISOR_multicall]. Xen does them in order and goes on after one that fails;
// each has its own result. A preempted multicall re-executes and re-reads the array.
#pragma once

#include "xen/hypercall/call.hpp"

#include <vector>

namespace pvboot::xen {

class Multicall {
public:
  /// `call` and what its raw() points to must stay where they are until issue().
  template <typename Call> void add(const Call& call) { add_raw(call.raw()); }
  void add_raw(const RawCall& call);

  std::size_t size() const { return entries_.size(); }

  /// Does all, then forgets them. The Error of the first that failed, with its number as a place.
  Result<void> issue();

  /// The results of the last issue(), in order.
  const std::vector<long>& results() const { return results_; }

private:
  std::vector<multicall_entry_t> entries_;
  std::vector<long> results_;
};

} // namespace pvboot::xen
