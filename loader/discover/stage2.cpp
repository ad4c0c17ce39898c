#include "loader/discover/stage2.hpp"

#include "config/options.hpp"

namespace pvboot::loader {

namespace {

// On a root filesystem, and on a /boot of its own.
constexpr std::string_view usual_places[] = {"/boot/xen/pvboot-x86_64.elf", "/xen/pvboot-x86_64.elf"};

} // namespace

std::string stage2_places() { return std::string(usual_places[0]) + " or " + std::string(usual_places[1]); }

std::vector<config::Entry> stage2_entries(DiskSet& disks, std::string_view extra) {
  std::vector<config::Entry> entries;
  for (const auto& device : disks.devices()) {
    const auto mount = disks.mount(*device);
    if (!mount)
      continue;
    for (const std::string_view path : usual_places) {
      const auto stat = mount->filesystem().stat(path);
      if (!stat || stat->type != fs::FileType::regular)
        continue;
      config::Entry entry;
      entry.kind = config::EntryKind::kernel;
      entry.kernel = {{device->name()}, std::string(path)};
      entry.title = "the guest's own loader " + entry.kernel.text();
      entry.command_line = config::with_option(extra, "pvboot.stage2=no");
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

} // namespace pvboot::loader
