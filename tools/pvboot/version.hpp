// What `pvboot --version` says: the version and this program's own build-id.
#pragma once

#include <string>

namespace pvboot::tools {

/// "pvboot 0.1.0 (build-id 1f2e...)".
std::string version_text();

} // namespace pvboot::tools
