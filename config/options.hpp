// The host administrator's words: xl's `extra=`, which arrives as the loader's own command line.
//
// Words are separated by blanks; double quotes group ("a b" is one word; in them \" and \\ stand for the second
// byte). Then, word by word:
//
//  - `pvboot.NAME=VALUE` is an option for pvboot. An unknown name or a value that makes no sense is a warning, to be
//    shown loudly, and changes nothing. The last of several counts.
//  - `xen_grub_env_NAME=VALUE` is a variable for grub.cfg, under its whole name, as GRUB for PV guests takes it;
//    without "=VALUE" it is "1".
//  - a first word `(hd0,0)/boot/grub/menu.lst` names the configuration, as PV-GRUB took it. Its partition numbers
//    count from 0, unless the file's name ends in ".cfg"; in Options::config they count from 1.
//  - everything else belongs to the kernel: see append_to_command_line().
//
// Pure functions; what can't be used is a warning.
#pragma once

#include "config/environment.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pvboot::config {

enum class OnError : std::uint8_t {
  fallback, ///< one retry, then the fallback entries, then the menu (default)
  retry,    ///< the same entry again and again
  menu,     ///< straight to the menu
  reboot,   ///< SHUTDOWN_reboot
  poweroff, ///< SHUTDOWN_poweroff
  crash,    ///< SHUTDOWN_crash, for the host's on_crash=
};

enum class LogLevel : std::uint8_t { quiet, normal, debug };

struct Options {
  std::optional<std::string> entry;     ///< pvboot.entry= NUMBER, TITLE, ID or PATH>WITH>STEPS (Menu::find)
  std::optional<std::uint32_t> timeout; ///< pvboot.timeout= seconds
  bool wait = false;                    ///< pvboot.timeout=never (or -1): wait for ever
  std::optional<FilePath> config;       ///< pvboot.config=(xvda1)/path, or /path on the first disk that has it
  LogLevel log = LogLevel::normal;      ///< pvboot.log=quiet|normal|debug
  bool timing = false;                  ///< pvboot.log=timing (may be joined: debug,timing)
  std::optional<bool> stage2;           ///< pvboot.stage2=yes|no: chain-load the guest's own loader first, or never
  OnError on_error = OnError::fallback; ///< pvboot.on_error=fallback|retry|menu|reboot|poweroff|crash

  std::vector<std::pair<std::string, std::string>> grub_variables; ///< xen_grub_env_NAME=VALUE, in order
  std::vector<std::string> kernel_words;                           ///< as they were written, quotes included
  std::vector<std::string> warnings;
};

Options parse_options(std::string_view extra);

/// `extra` with one more word at its end, behind a quote that stays open there.
std::string with_option(std::string_view extra, std::string_view word);

/// The most that fits start_info's command line beside its NUL.
constexpr std::size_t max_command_line = 1023; // bytes

/// An entry's command line with the administrator's words at its end, before a " -- " if there is one: what follows
/// that is for the guest's init. Words behind a "--" of the administrator's own follow it too. Code::too_large over
/// max_command_line; it is never cut.
Result<std::string> append_to_command_line(std::string_view command_line, const std::vector<std::string>& words);

} // namespace pvboot::config
