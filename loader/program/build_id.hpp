// Which build this is: the version, and the build-id that the linker computed over the whole image.
#pragma once

#include "base/bytes.hpp"

#include <string>
#include <string_view>

namespace pvboot::loader {

/// The bytes of the .note.gnu.build-id descriptor.
Bytes build_id();

/// "pvboot 0.1.0 (build-id 0123…)".
std::string version_line();

} // namespace pvboot::loader
