// What an entry loads besides its kernel, as the listings show it.
#pragma once

#include "config/entry.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pvboot::tools {

struct EntryFile {
  const char* kind; ///< "initrd" or "module"
  std::string text; ///< without control characters
};
std::vector<EntryFile> files_of(const config::Entry& entry);

/// ["(xvda)/initrd.img", "newc:etc/key:(xvda)/key"] and [{"file": ..., "cmdline": ...}].
nlohmann::json initrds_as_json(const config::Entry& entry);
nlohmann::json modules_as_json(const config::Entry& entry);

} // namespace pvboot::tools
