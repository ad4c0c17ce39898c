// Which entry to boot: the default after a visible countdown, or what somebody at the console types.
//
// Pressing Enter during the countdown boots at once, any other key opens the menu. At the menu an entry is named by
// its number, its id or its title ("1>2" goes into a submenu), as everywhere else. The host is listened to all the
// while.
#pragma once

#include "config/entry.hpp"
#include "config/options.hpp"
#include "loader/program/attendant.hpp"

namespace pvboot::loader {

/// What somebody decided at the menu.
struct Decision {
  enum class Kind : std::uint8_t { boot, rescan, reboot, poweroff };
  Kind kind = Kind::boot;
  config::ItemPath item{};
};

class Chooser {
public:
  Chooser(Attendant& attendant, const xen::Clock& clock, Log& log) : attendant_(attendant), clock_(clock), log_(log) {}

  /// The countdown over `item`: true when it shall be booted, false when somebody wants the menu.
  bool count_down(const config::MenuItem& item, std::optional<std::uint32_t> timeout, config::TimeoutStyle style);

  /// Shows the menu (`menu` may be null: there is no configuration) and waits for an answer; Enter alone means
  /// `default_item`.
  Decision ask(const config::Menu* menu, const config::ItemPath& default_item, std::string_view where);

private:
  std::string read_line();

  Attendant& attendant_;
  const xen::Clock& clock_;
  Log& log_;
};

} // namespace pvboot::loader
