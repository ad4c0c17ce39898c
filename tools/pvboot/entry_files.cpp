#include "tools/pvboot/entry_files.hpp"

#include "base/text.hpp"
#include "loader/discover/initrd_files.hpp"

namespace pvboot::tools {

std::vector<EntryFile> files_of(const config::Entry& entry) {
  std::vector<EntryFile> files;
  files.reserve(entry.initrds.size() + entry.modules.size());
  for (const config::Initrd& initrd : entry.initrds)
    files.push_back({"initrd", printable(loader::text_of(initrd))});
  for (const config::Module& module : entry.modules) {
    const std::string words = printable(module.command_line, 1200);
    files.push_back({"module", printable(module.file.text()) + (words.empty() ? "" : " ") + words});
  }
  return files;
}

nlohmann::json initrds_as_json(const config::Entry& entry) {
  auto out = nlohmann::json::array();
  for (const config::Initrd& initrd : entry.initrds)
    out.push_back(loader::text_of(initrd));
  return out;
}

nlohmann::json modules_as_json(const config::Entry& entry) {
  auto out = nlohmann::json::array();
  for (const config::Module& module : entry.modules)
    out.push_back({{"file", module.file.text()}, {"cmdline", module.command_line}});
  return out;
}

} // namespace pvboot::tools
