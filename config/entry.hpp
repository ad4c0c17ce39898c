// What a configuration comes down to: a tree of titles (Menu), and, for the one that is chosen, the plain Entry that
// says what to load.
//
// A Menu is a value and holds no script. Its items are in the order in which they are shown; an item with
// `submenu` set has `items` of its own. An ItemPath names an item by its indexes from the top, so it stays valid as
// long as the Menu does.
#pragma once

#include "config/environment.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::config {

/// Where in a configuration something stands.
struct Origin {
  FilePath file;
  std::uint32_t line = 0; ///< from 1; 0 when a file has no lines to speak of

  /// "(xvda1)/boot/grub/grub.cfg:123"
  std::string text() const;
};

/// How an entry's kernel is to be started; what the file really is, is found out when it is opened.
enum class EntryKind : std::uint8_t {
  linux,         ///< `linux`, `linux16`, `linuxefi`: a kernel with initrds
  multiboot,     ///< `multiboot`, `multiboot2` with modules
  kernel,        ///< a bare ELF: `kernel`, `xen_hypervisor`
  chainloader,   ///< another loader: `chainloader`; the file may be a block list
  configuration, ///< another configuration to read: `configfile`; `kernel` is its path
  reboot,        ///< nothing to load: restart the guest
  poweroff,      ///< nothing to load: stop the guest
};

/// "linux", "multiboot", …: as it stands in listings.
std::string_view name(EntryKind kind);

struct Initrd {
  FilePath file;
  std::string newc_name; ///< not empty: wrap the file into a newc archive under this name (`newc:name:file`)
};

struct Module {
  FilePath file;
  std::string command_line;
};

/// What to boot. The command line is the entry's own; words from the host's administrator are not in it.
struct Entry {
  std::string title;
  std::string id;
  EntryKind kind = EntryKind::linux;
  FilePath kernel;
  std::string command_line;
  std::vector<Initrd> initrds; ///< in the order in which they are concatenated
  std::vector<Module> modules;
  Origin origin;                     ///< of the line that begins the entry
  std::vector<std::string> warnings; ///< what its body tried and could not do, with places
};

/// Indexes from the top: {1, 0} is the first item of the second item, a submenu. Never empty when it names an item.
using ItemPath = std::vector<std::uint32_t>;

struct MenuItem {
  std::string title;
  std::string id;
  std::vector<std::string> classes;
  std::vector<std::string> users; ///< who, besides the superusers, may start it where a password is asked
  bool unrestricted = false;      ///< anybody may start it
  std::string hotkey;
  Origin origin;
  bool submenu = false;
  std::vector<MenuItem> items; ///< of a submenu
};

enum class TimeoutStyle : std::uint8_t { menu, countdown, hidden };

struct Menu {
  std::vector<MenuItem> items;

  /// The item to boot when nobody chooses: never a submenu. Empty when there is no item but submenus.
  ItemPath default_item;
  /// What to try, in order, when that one can't be booted.
  std::vector<ItemPath> fallbacks;

  std::optional<std::uint32_t> timeout; ///< seconds; nothing: wait for ever
  TimeoutStyle timeout_style = TimeoutStyle::menu;
  std::vector<std::string> superusers; ///< not empty: everything but unrestricted items asks for a password
  std::vector<std::string> messages;   ///< what the configuration printed, a line each
  std::vector<std::string> warnings;   ///< what could not be understood or done, with places

  /// The item at `path`, or nullptr.
  const MenuItem* at(const ItemPath& path) const;

  /// GRUB reads the name "2 (old)", which nothing has, as 2. Somebody who has mistyped a name means no number.
  enum class LeadingNumber : bool { is_none, is_meant };

  /// The item that `words` names, as GRUB's `default` does: a number from 0, a title or an id; with ">" between the
  /// steps into submenus, and ">>" for a ">" of the title. A submenu stands for its first item. Nothing when no
  /// item is meant.
  std::optional<ItemPath> find(std::string_view words, LeadingNumber number = LeadingNumber::is_meant) const;

  /// The same, with leading numbers, where something must be booted: a step that names nothing stands for the first
  /// item of its level, and a submenu with nothing in it for the first item of all. Empty when there is no item but
  /// submenus.
  ItemPath default_for(std::string_view words) const;
};

} // namespace pvboot::config
