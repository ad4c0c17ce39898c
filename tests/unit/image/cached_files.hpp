// Files of the image cache ($PVBOOT_CACHE or ~/.cache/pvboot), for tests that look at what others have made. A test has
// to go on without them: the cache is filled only where disks are built.
#pragma once

#include "kernels.hpp"

#include <filesystem>

namespace pvboot::test {

std::filesystem::path cache();

/// The file of a part of the recipes, of whichever version; nothing where there is none.
std::optional<Octets> cached_file(const std::string& part, const std::string& file);

Octets contents(const std::filesystem::path& path);

} // namespace pvboot::test
