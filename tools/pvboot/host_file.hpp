// A file of the host as the loader's File, so that `pvboot inspect` reads a kernel as the loader does.
#pragma once

#include "fs/file.hpp"

#include <memory>
#include <string>

namespace pvboot::tools {

/// Fails as ReadableFile::open does.
Result<std::unique_ptr<fs::File>> open_host_file(const std::string& path);

} // namespace pvboot::tools
