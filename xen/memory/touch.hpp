// Reaching memory by its address in our own address space.
//
// In the loader an address is a pointer and this costs nothing. On a host the addresses are the model's: each access
// walks the model's page tables and fails the test when nothing is mapped there, or when it is mapped read-only and
// is to be written. A pointer is good for the rest of its page, never beyond.
#pragma once

#include "base/units.hpp"

#include <touch_of_build.hpp>

namespace pvboot::xen {

template <typename T> const T& peek(GuestVirt at) { return *reinterpret_cast<const T*>(Touch::readable(at)); }
template <typename T> T& poke(GuestVirt at) { return *reinterpret_cast<T*>(Touch::writable(at)); }

/// Plain copies and fills, page by page.
void copy(GuestVirt to, GuestVirt from, std::uint64_t bytes);
void copy_in(GuestVirt to, const void* from, std::uint64_t bytes);
void zero(GuestVirt to, std::uint64_t bytes);

} // namespace pvboot::xen
