// The narrow waist between pvboot and Xen: one raw hypercall, and the CPU's time stamp.
//
// Everything above it is typed (xen/hypercall/). `Hypervisor` is one alias a build, found by the include path that
// CMake sets: in the loader it is the `syscall` instruction (xen/arch/x86_64/), on a host it passes each call to a
// HypercallHandler that a test has installed (xen/arch/host/): a recorder, a script, or the model of Xen, which
// decodes the raw numbers and argument structs and so checks the typed encoders as well.
//
// A hypercall returns what Xen returned: a negative errno or a value.
#pragma once

#include <concepts>
#include <cstdint>

namespace pvboot::xen {

template <typename H>
concept HypervisorApi = requires(unsigned number, std::uint64_t a) {
  { H::hypercall(number, a, a, a, a, a) } -> std::same_as<long>;
  { H::timestamp() } -> std::same_as<std::uint64_t>;
};

} // namespace pvboot::xen

#include <hypervisor_of_build.hpp>

static_assert(pvboot::xen::HypervisorApi<pvboot::xen::Hypervisor>);
