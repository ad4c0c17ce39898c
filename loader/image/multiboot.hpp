// Whether a file says that it is a program for a bare machine: a multiboot header near its beginning
// [Multiboot 0.6.96, 3.1]. Xen itself is such a program.
#pragma once

#include "base/bytes.hpp"

namespace pvboot::image {

/// The header lies within these first bytes of the file, on a multiple of 4.
constexpr std::size_t multiboot_search = 8192;

bool has_multiboot_header(Bytes prefix);

} // namespace pvboot::image
