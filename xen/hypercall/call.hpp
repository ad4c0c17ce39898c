// Hypercalls as typed values.
//
// Each hypercall is a struct in xen/hypercall/ whose fields say what it does and whose raw() gives the number and the
// registers by the x86-64 convention [xen/xen.h]. issue() makes the call; a Batch (multicall.hpp) makes many in one.
// Structs that Xen reads or fills stand inside the value, so a value must stay where it is while the call runs, and
// holds the answer after it: `AllocUnbound call(...); TRY(issue(call)); call.port()`.
//
// Xen's negative errno becomes an Error with a Code to act on and the name of the hypercall as its place.
#pragma once

#include "base/result.hpp"
#include "xen/abi/xen.hpp"
#include "xen/hypervisor.hpp"

#include <array>
#include <cstdint>

namespace pvboot::xen {

struct RawCall {
  unsigned number = 0;
  std::array<std::uint64_t, 5> args{};
  bool operator==(const RawCall&) const = default;
};

inline std::uint64_t address(const volatile void* p) { return reinterpret_cast<std::uint64_t>(p); }

/// Who is meant: a domain id, or one of Xen's special ones.
struct DomainId {
  domid_t value = DOMID_SELF;
  constexpr bool operator==(const DomainId&) const = default;

  static constexpr DomainId self() { return {DOMID_SELF}; }
  static constexpr DomainId io() { return {DOMID_IO}; }
  static constexpr DomainId xen() { return {DOMID_XEN}; }
  static constexpr DomainId copy_on_write() { return {DOMID_COW}; }
  static constexpr DomainId invalid() { return {DOMID_INVALID}; }
  static constexpr DomainId idle() { return {DOMID_IDLE}; }
};

/// The hypercall's name as the headers have it, e.g. "mmu_update".
const char* name_of_hypercall(unsigned number);

/// The Error for a negative return value of hypercall `number`.
Error error_of(unsigned number, long result);

inline Result<std::uint64_t> issue_raw(const RawCall& call) {
  const auto& a = call.args;
  const long result = Hypervisor::hypercall(call.number, a[0], a[1], a[2], a[3], a[4]);
  if (result < 0)
    return std::unexpected(error_of(call.number, result));
  return static_cast<std::uint64_t>(result);
}

/// The value Xen returned, 0 for calls that only succeed.
template <typename Call> Result<std::uint64_t> issue(Call&& call) { return issue_raw(call.raw()); }

} // namespace pvboot::xen
