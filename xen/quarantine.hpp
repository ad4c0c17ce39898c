// Memory that a backend never gave back: it may still be read or written from outside, so it is never used again.
#pragma once

#include <cstddef>

namespace pvboot::xen {

/// `memory` is no longer anybody's.
void quarantine(void* memory, std::size_t size);

/// Bytes that were lost this way.
std::size_t quarantined_bytes();

} // namespace pvboot::xen
