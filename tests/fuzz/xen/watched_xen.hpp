// A FakeXen in which somebody acts at each hypercall and, if wanted, whenever the guest looks at its clock; and which
// ends a program that goes on for too long.
//
// Each look at the clock takes 10 ms, so that a wait of 10 s is a thousand looks at most, however busy it is kept.
#pragma once

#include "tests/fuzz/script.hpp"
#include "tests/unit/xen/fake_xen.hpp"

#include <functional>
#include <map>
#include <set>

namespace pvboot::xen {

class WatchedXen final : public HypercallHandler {
public:
  static constexpr Duration tick = milliseconds(10);

  explicit WatchedXen(std::size_t grant_entries) : xen(grant_entries), installed_(*this) {}

  long hypercall(unsigned number, const HypercallArgs& args) override {
    count_step();
    ++hypercalls;
    if (at_hypercall)
      at_hypercall();
    return xen.hypercall(number, args);
  }
  std::uint64_t timestamp() override {
    count_step();
    xen.now_ns += tick.nanoseconds;
    if (at_look)
      at_look();
    return xen.timestamp();
  }

  /// Time that passes for no reason in the guest; no wait's limit is for it.
  void jump(Duration time) {
    xen.now_ns += time.nanoseconds;
    jumped_ += time.nanoseconds;
  }

  /// From here on until the next begin(), no more than `limit`, what is done before and after a wait, and what is
  /// jumped over may pass.
  void begin(Duration limit, Duration around = seconds(1)) {
    began_ = xen.now_ns - jumped_;
    limit_ = {limit.nanoseconds + around.nanoseconds};
    steps_ = 0;
  }
  Duration since_begin() const { return {xen.now_ns - jumped_ - began_}; }

  FakeXen xen;
  std::function<void()> at_hypercall, at_look;
  std::size_t hypercalls = 0;
  /// The grants named by requests that backends have seen and not answered.
  std::set<grant_ref_t> unanswered;
  /// How many backends have a grant's page mapped.
  std::map<grant_ref_t, unsigned> mappings;

private:
  void count_step() {
    require(since_begin() <= limit_);
    // A wait that ends at once is followed by a look at the clock.
    require(++steps_ <= 10 * (limit_.nanoseconds / tick.nanoseconds + 100));
  }

  InstalledHandler installed_;
  std::uint64_t began_ = 0, jumped_ = 0;
  Duration limit_ = seconds(1000);
  std::uint64_t steps_ = 0;
};

} // namespace pvboot::xen
