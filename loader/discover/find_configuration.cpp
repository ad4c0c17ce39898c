#include "loader/discover/find_configuration.hpp"

#include <algorithm>
#include <utility>

namespace pvboot::loader {

namespace {

// Debian and most others; then those whose /boot is a filesystem of its own; then Fedora's and SUSE's folder name.
constexpr std::string_view usual_places[] = {"/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg",
                                             "/grub2/grub.cfg"};

// Of a configuration without an entry, how many of its warnings are passed on.
constexpr std::size_t warnings_of_an_empty_one = 3;

config::ReadOptions how_to_read(const config::FilePath& file, const config::Options& options,
                                config::WritePolicy writes) {
  config::ReadOptions how;
  how.format = config::format_of(file.path).value_or(config::Format::grub);
  how.variables = options.grub_variables;
  how.writes = writes;
  return how;
}

class Search {
public:
  Search(DiskSet& disks, config::Environment& environment, const config::Options& options, config::WritePolicy writes,
         std::vector<std::string>& notes)
      : disks_(disks), environment_(environment), options_(options), writes_(writes), notes_(notes) {}

  bool try_file(const config::FilePath& file) {
    return take(file, config::read_config(environment_, file, how_to_read(file, options_, writes_)));
  }

  bool try_text(const config::FilePath& file, std::string text) {
    return take(file,
                config::read_config_text(environment_, file, std::move(text), how_to_read(file, options_, writes_)));
  }

  bool try_disks(std::span<const std::string_view> paths) {
    for (const auto& device : disks_.devices())
      if (try_device(*device, paths))
        return true;
    return false;
  }

  /// What is said of a device that is looked at twice is said once.
  void note(std::string text) {
    if (std::ranges::find(notes_, text) == notes_.end())
      notes_.push_back(std::move(text));
  }

  FoundConfiguration take_found() { return std::move(found_); }

private:
  /// Keeps a configuration that has an entry; notes why another was passed over.
  bool take(const config::FilePath& file, Result<std::unique_ptr<config::Configuration>> read) {
    if (!read) {
      note(read.error().text());
      return false;
    }
    const config::Menu& menu = (*read)->menu();
    if (menu.default_item.empty()) {
      note(file.text() + ": has no boot entry");
      // The reader's last warning says that again.
      for (std::size_t i = 0; i + 1 < menu.warnings.size() && i < warnings_of_an_empty_one; ++i)
        note(menu.warnings[i]);
      return false;
    }
    found_ = {file, std::move(*read)};
    return true;
  }

  bool try_device(Device& device, std::span<const std::string_view> paths) {
    bool noted = false;
    for (const std::string_view path : paths) {
      const auto there = is_there(device, path);
      if (there && try_file({{device.name()}, std::string(path)})) {
        note_warnings(device);
        return true;
      }
      if (!there && there.error().code() != Code::not_found && !std::exchange(noted, true))
        note(there.error().text());
    }
    return false;
  }

  /// The mount is let go at once: what is read may write to the filesystem.
  Result<void> is_there(Device& device, std::string_view path) {
    const Mount mount = TRY(disks_.mount(device));
    TRY(mount.filesystem().stat(path));
    return {};
  }

  void note_warnings(Device& device) {
    const Disk& disk = disks_.disks()[device.disk()];
    for (const std::string& text : disk.notes)
      note(disk.name + ": " + text);
    if (const auto mount = disks_.mount(device))
      for (const std::string& warning : mount->filesystem().warnings())
        note(device.name() + ": " + warning);
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
    search.note(named.text() + ": no boot entry could be had from this configuration, which extra= names; "
                               "looking at the usual places");
  }
  if (!sent_along.empty()) {
    const config::FilePath file{{disks.devices().empty() ? std::string() : disks.devices().front()->name()},
                                "/ramdisk.cfg"};
    if (search.try_text(file, std::string(sent_along)))
      return search.take_found();
    search.note("ramdisk= of the xl config: no boot entry could be had from it; looking at the disks");
  }
  if (search.try_disks(usual_places))
    return search.take_found();
  note_disk_problems(disks, notes);
  return fail(Code::not_found, "no boot configuration (grub.cfg) with an entry was found on the guest's disks; "
                               "pvboot.config=PATH names one in another place");
}

Result<FoundConfiguration> read_configuration(config::Environment& environment, const config::FilePath& file,
                                              const config::Options& options, config::WritePolicy writes) {
  auto read = TRY(config::read_config(environment, file, how_to_read(file, options, writes)));
  return FoundConfiguration{file, std::move(read)};
}

} // namespace pvboot::loader
