// Files of the image cache ($PVBOOT_CACHE or ~/.cache/pvboot), for tests that look at what others have made. A test
// goes on without them, with a warning, because the cache is filled only where disks are built; with
// PVBOOT_WITH_KERNELS it fails then.
#pragma once

#include "kernels.hpp"

#include <filesystem>

namespace pvboot::test {

std::filesystem::path cache();

/// The file of a part of the recipes, of whichever version; nothing where there is none.
std::optional<Octets> cached_file(const std::string& part, const std::string& file);

/// The parts that hold Debian's kernels, each compressed.
std::vector<std::string> debian_kernels();

/// Says that the test shows nothing of this part.
void without(const std::string& part);

Octets contents(const std::filesystem::path& path);

} // namespace pvboot::test
