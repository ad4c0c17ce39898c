// A configuration that has been read: its Menu, and the way from an item to its plain Entry.
//
// This is where formats plug in. A reader turns a file's text into a Configuration; whether the entries are values
// already (extlinux, BLS) or programs to run (grub.cfg) is the reader's own affair.
//
// resolve() has no effect that stays: a program runs on copied variables, and with WritePolicy::off nothing is
// written to disk. With WritePolicy::on, meant for the moment of booting, `save_env` goes through to the Environment.
#pragma once

#include "config/entry.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace pvboot::config {

enum class Format : std::uint8_t { grub };

enum class WritePolicy : std::uint8_t { off, on };

/// How to read a configuration.
struct ReadOptions {
  Format format = Format::grub;
  /// Variables that are set and exported before the first line: Options::grub_variables.
  std::vector<std::pair<std::string, std::string>> variables;
  /// Whether reading itself may write: grub.cfg uses up `next_entry` at once. Only for who is going to boot from it.
  WritePolicy writes = WritePolicy::off;
  /// What a program may do while it is read, and again for each entry: commands, and other work in proportion.
  std::uint64_t max_steps = 1'000'000;
};

class Configuration {
public:
  virtual ~Configuration() = default;

  virtual const Menu& menu() const = 0;

  /// The plain Entry of an item. Code::invalid for a path that names no item or a submenu; Code::unsupported for an
  /// entry that loads nothing or wants what a PV guest can't do; Code::too_large for one that runs over a bound.
  /// Each Error has the place: "(xvda1)/boot/grub/grub.cfg:123".
  virtual Result<Entry> resolve(const ItemPath& item, WritePolicy writes = WritePolicy::off) = 0;
};

/// The format that a file's name speaks of; nothing when none is known.
std::optional<Format> format_of(std::string_view path);

/// Reads a configuration. `environment` must outlive it. Mistakes inside the text are warnings of
/// the Menu; an Error means that the file could not be read at all or ran over a bound.
Result<std::unique_ptr<Configuration>> read_config(Environment& environment, const FilePath& file,
                                                   const ReadOptions& options);

/// The same over text that is already there (a `ramdisk=`); `file` is its name in messages and its home.
Result<std::unique_ptr<Configuration>> read_config_text(Environment& environment, const FilePath& file,
                                                        std::string text, const ReadOptions& options);

} // namespace pvboot::config
