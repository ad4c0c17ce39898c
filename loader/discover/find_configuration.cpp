#include "loader/discover/find_configuration.hpp"

#include "base/text.hpp"

#include <utility>

namespace pvboot::loader {

namespace {

// Debian and most others; then those whose /boot is a filesystem of its own; then Fedora's and SUSE's folder name.
constexpr std::string_view usual_places[] = {"/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg",
                                             "/grub2/grub.cfg"};

class Search {
public:
  Search(DiskSet& disks, config::Environment& environment, const config::Options& options, config::WritePolicy writes,
         std::vector<std::string>& notes)
      : disks_(disks), environment_(environment), options_(options), writes_(writes), notes_(notes) {}

  /// Keeps a configuration that has an item; notes why another was passed over.
  bool take(const config::FilePath& file, Result<std::unique_ptr<config::Configuration>> read) {
    if (!read) {
      notes_.push_back(read.error().text());
      return false;
    }
    if ((*read)->menu().items.empty()) {
      notes_.push_back(file.text() + ": has no boot entry");
      return false;
    }
    found_ = {file, std::move(*read)};
    return true;
  }

  bool try_file(const config::FilePath& file) {
    return take(file, config::read_config(environment_, file, read_options(file)));
  }

  bool try_text(const config::FilePath& file, std::string text) {
    return take(file, config::read_config_text(environment_, file, std::move(text), read_options(file)));
  }

  bool try_device(Device& device, std::span<const std::string_view> paths) {
    auto mount = disks_.mount(device);
    if (!mount) {
      if (mount.error().code() != Code::not_found)
        notes_.push_back(mount.error().text());
      return false;
    }
    bool noted = false;
    for (const std::string_view path : paths) {
      const auto stat = mount->filesystem().stat(path);
      if (stat && try_file({{device.name()}, std::string(path)})) {
        for (const std::string& warning : mount->filesystem().warnings())
          notes_.push_back(device.name() + ": " + warning);
        return true;
      }
      if (!stat && stat.error().code() != Code::not_found && !std::exchange(noted, true))
        notes_.push_back(stat.error().text());
    }
    return false;
  }

  bool try_disks(std::span<const std::string_view> paths) {
    for (const auto& device : disks_.devices())
      if (try_device(*device, paths))
        return true;
    return false;
  }

  FoundConfiguration take_found() { return std::move(found_); }

private:
  config::ReadOptions read_options(const config::FilePath& file) const {
    config::ReadOptions options;
    options.format = config::format_of(file.path).value_or(config::Format::grub);
    options.variables = options_.grub_variables;
    options.writes = writes_;
    return options;
  }

  DiskSet& disks_;
  config::Environment& environment_;
  const config::Options& options_;
  config::WritePolicy writes_;
  std::vector<std::string>& notes_;
  FoundConfiguration found_{};
};

// Disks on which nothing was recognised at all.
void note_empty_disks(DiskSet& disks, std::vector<std::string>& notes) {
  for (const auto& device : disks.devices()) {
    if (device->partition() || !disks.disks()[device->disk()].scheme.empty())
      continue;
    const auto facts = disks.facts(*device);
    if (!facts && facts.error().code() == Code::not_found)
      notes.push_back(device->name() + ": neither a partition table nor a filesystem that is known");
  }
}

void note_disk_problems(DiskSet& disks, std::vector<std::string>& notes) {
  if (disks.disks().empty())
    notes.emplace_back("the guest has no disk that can be read; give it one with disk= in the xl config");
  note_empty_disks(disks, notes);
  for (const Disk& disk : disks.disks())
    for (const std::string& note : disk.notes)
      notes.push_back(disk.name + ": " + note);
}

} // namespace

Result<FoundConfiguration> find_configuration(DiskSet& disks, config::Environment& environment,
                                              const config::Options& options, std::string_view sent_along,
                                              config::WritePolicy writes, std::vector<std::string>& notes) {
  Search search(disks, environment, options, writes, notes);
  if (options.config) {
    const config::FilePath& named = *options.config;
    const std::string_view path = named.path;
    if (named.device.empty() ? search.try_disks(std::span(&path, 1)) : search.try_file(named))
      return search.take_found();
    notes.push_back(named.text() + ": the configuration that the host's administrator named was not usable");
  }
  if (!sent_along.empty()) {
    const config::FilePath file{{disks.devices().empty() ? std::string() : disks.devices().front()->name()},
                                "/ramdisk.cfg"};
    if (search.try_text(file, std::string(sent_along)))
      return search.take_found();
  }
  if (search.try_disks(usual_places))
    return search.take_found();
  note_disk_problems(disks, notes);
  return fail(Code::not_found, "no boot configuration with an entry was found on the guest's disks");
}

} // namespace pvboot::loader
