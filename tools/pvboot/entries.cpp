// pvboot entries: the boot entries of the guest's own configuration, each resolved as the loader would.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/entry_files.hpp"
#include "tools/pvboot/guest_boot.hpp"
#include "tools/pvboot/output.hpp"

#include "base/text.hpp"
#include "loader/discover/find_item.hpp"

#include <nlohmann/json.hpp>

namespace pvboot::tools {

namespace {

struct Listed {
  const config::MenuItem* item;
  config::ItemPath path;
  bool is_default;
  Result<config::Entry> entry;
};

void collect(GuestBoot& boot, const std::vector<config::MenuItem>& items, config::ItemPath& path,
             const config::ItemPath& default_item, std::vector<Listed>& out) {
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    path.push_back(i);
    if (items[i].submenu)
      collect(boot, items[i].items, path, default_item, out);
    else
      out.push_back({&items[i], path, path == default_item, boot.resolve(path)});
    path.pop_back();
  }
}

nlohmann::json as_json(const Listed& listed) {
  nlohmann::json out = {{"title", listed.item->title},
                        {"id", listed.item->id},
                        {"source", listed.item->origin.text()},
                        {"default", listed.is_default},
                        {"number", loader::item_number(listed.path)},
                        {"depth", listed.path.size() - 1}};
  if (!listed.entry) {
    out["error"] = listed.entry.error().text();
    return out;
  }
  const config::Entry& entry = *listed.entry;
  out["kind"] = name(entry.kind);
  out["kernel"] = entry.kernel.text();
  out["cmdline"] = entry.command_line;
  out["initrds"] = initrds_as_json(entry);
  out["modules"] = modules_as_json(entry);
  return out;
}

void print_one(const Listed& listed) {
  print_out("{}{:<5} {}\n", listed.is_default ? '*' : ' ', loader::item_number(listed.path),
            printable(listed.item->title));
  if (!listed.entry) {
    print_out("       cannot be booted: {}\n", printable(listed.entry.error().text(), 1000));
    return;
  }
  const config::Entry& entry = *listed.entry;
  print_out("       {:<8} {}\n", name(entry.kind), printable(entry.kernel.text()));
  for (const EntryFile& file : files_of(entry))
    print_out("       {:<8} {}\n", file.kind, file.text);
  if (!entry.command_line.empty())
    print_out("       cmdline  {}\n", printable(entry.command_line, 1200));
  for (const std::string& warning : entry.warnings)
    print_out("       warning  {}\n", printable(warning));
}

} // namespace

Result<void> print_entries(const Arguments& arguments) {
  const auto boot = TRY(GuestBoot::open(arguments));
  std::vector<Listed> listed;
  config::ItemPath path;
  collect(*boot, boot->menu().items, path, TRY(boot->choose({})), listed);
  if (arguments.json) {
    auto out = nlohmann::json::array();
    for (const Listed& item : listed)
      out.push_back(as_json(item));
    write_json(out);
    return {};
  }
  print_out("{}\n", printable(boot->file().text()));
  for (const Listed& item : listed)
    print_one(item);
  for (const std::string& warning : boot->menu().warnings)
    print_out("warning: {}\n", printable(warning));
  return {};
}

} // namespace pvboot::tools
