// Words of a ring page that a peer changes while we look at them: each is read once and written once, a read comes
// before everything that follows from it, a write after everything that led to it.
#pragma once

namespace pvboot::xen {

template <typename T> T load(const T& shared) { return __atomic_load_n(&shared, __ATOMIC_ACQUIRE); }
template <typename T> void store(T& shared, T value) { __atomic_store_n(&shared, value, __ATOMIC_RELEASE); }

} // namespace pvboot::xen
