// The hypervisor of the host's build: whatever a test has installed. Without a handler every call answers ENOSYS,
// as Xen does for a hypercall that it does not know.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace pvboot::xen {

/// The arguments as they stand in the registers; pointers are the test's own addresses.
using HypercallArgs = std::array<std::uint64_t, 5>;

class HypercallHandler {
public:
  virtual ~HypercallHandler() = default;
  virtual long hypercall(unsigned number, const HypercallArgs& args) = 0;
  virtual std::uint64_t timestamp() { return 0; }
};

struct HostHypervisor {
  static long hypercall(unsigned number, std::uint64_t a1 = 0, std::uint64_t a2 = 0, std::uint64_t a3 = 0,
                        std::uint64_t a4 = 0, std::uint64_t a5 = 0) {
    constexpr long not_implemented = -38;
    return handler_ == nullptr ? not_implemented : handler_->hypercall(number, {a1, a2, a3, a4, a5});
  }

  static std::uint64_t timestamp() { return handler_ == nullptr ? 0 : handler_->timestamp(); }

  /// The handler from now on; returns the one before. The caller keeps both alive.
  static HypercallHandler* install(HypercallHandler* handler) { return std::exchange(handler_, handler); }

private:
  inline static constinit HypercallHandler* handler_ = nullptr;
};

/// Installs a handler for a scope.
class InstalledHandler {
public:
  explicit InstalledHandler(HypercallHandler& handler) : before_(HostHypervisor::install(&handler)) {}
  ~InstalledHandler() { HostHypervisor::install(before_); }
  InstalledHandler(const InstalledHandler&) = delete;
  InstalledHandler& operator=(const InstalledHandler&) = delete;

private:
  HypercallHandler* before_;
};

using Hypervisor = HostHypervisor;

} // namespace pvboot::xen
