// Where a guest's boot configuration is: what the administrator named, then what dom0 sent along, then the disks.
//
// On each device, in order, the places where distributions keep a grub.cfg are tried. The first configuration that
// has an item to boot is taken; one that cannot be read or is empty leaves a note and the search goes on.
//
// Fails with Code::not_found when no configuration has an item; the notes then say what was looked at and why each
// was passed over.
#pragma once

#include "config/configuration.hpp"
#include "config/options.hpp"
#include "loader/discover/disk_environment.hpp"

namespace pvboot::loader {

struct FoundConfiguration {
  config::FilePath file;
  std::unique_ptr<config::Configuration> configuration;
};

/// `sent_along` is the text of the xl config's ramdisk=, empty without one. `notes` gets a line for each disk,
/// filesystem and configuration that could not be used, and for what is odd about the filesystem that it was found on.
/// With WritePolicy::on, for who is going to boot, reading uses up what is meant for one boot (grubenv's next_entry).
/// A configuration that is empty, or whose mistakes left no entry, has its first warnings among the notes.
Result<FoundConfiguration> find_configuration(DiskSet& disks, config::Environment& environment,
                                              const config::Options& options, std::string_view sent_along,
                                              config::WritePolicy writes, std::vector<std::string>& notes);

/// The configuration in `file`, for an entry that names another one.
Result<FoundConfiguration> read_configuration(config::Environment& environment, const config::FilePath& file,
                                              const config::Options& options, config::WritePolicy writes);

} // namespace pvboot::loader
