#include "xen/clock.hpp"

#include "xen/hypervisor.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

std::uint64_t scale(std::uint64_t ticks, int shift, std::uint32_t mul) {
  ticks = shift < 0 ? ticks >> std::min(-shift, 63) : ticks << std::min(shift, 63);
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(ticks) * mul >> 32);
}

// Xen holds the version odd for some instructions only; a time that never settles is taken as it is.
constexpr int most_tries = 1000;

} // namespace

Instant Clock::now() const {
  std::uint64_t time = 0;
  for (int tries = 0; tries < most_tries; ++tries) {
    const std::uint32_t before = time_.version;
    xen_rmb();
    const std::uint64_t base = time_.system_time;
    const std::uint64_t stamp = time_.tsc_timestamp;
    const std::uint32_t mul = time_.tsc_to_system_mul;
    const int shift = time_.tsc_shift; // NOLINT(bugprone-signed-char-misuse): a signed number
    const std::uint64_t ticks = Hypervisor::timestamp();
    // The counter of another CPU may be a little behind.
    time = base + scale(ticks > stamp ? ticks - stamp : 0, shift, mul);
    xen_rmb();
    if ((before & 1) == 0 && time_.version == before)
      break;
  }
  latest_ = std::max(latest_, time);
  return {latest_};
}

} // namespace pvboot::xen
