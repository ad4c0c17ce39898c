// What the loader says on the console, and how loudly.
//
// The loader is quiet by default: its first line, what it boots, warnings and errors. pvboot.log=debug adds what it
// finds on its way, pvboot.log=timing a line with the time and the memory after each step. Text from outside goes
// through printable() before it gets here.
#pragma once

#include "config/options.hpp"
#include "xen/console.hpp"

#include <string>
#include <string_view>

namespace pvboot::loader {

class Log {
public:
  Log(xen::Console& console, const xen::Clock& clock)
      : console_(console), clock_(clock), started_(clock.now()), step_began_(started_) {}

  void configure(config::LogLevel level, bool timing) {
    level_ = level;
    timing_ = timing;
  }

  /// Always shown: errors, warnings, what a person must see.
  void say(std::string_view line);
  /// Shown unless pvboot.log=quiet.
  void info(std::string_view line);
  /// Shown with pvboot.log=debug.
  void debug(std::string_view line);
  /// Shown with pvboot.log=timing: "timing: kernel loaded: 1.2345 s, +0.5678 s; ...", the time since the start and
  /// what this step took. What it costs to write such a line is in the first only.
  void timing(std::string_view step, std::string_view more = {});

  /// "pvboot: error: <chain of places>: <message>", then what to do about it.
  void error(std::string_view what, const Error& error);

  /// As it is, without a prefix or newline.
  void raw(std::string_view text) { console_.write(text); }

private:
  xen::Console& console_;
  const xen::Clock& clock_;
  xen::Instant started_;
  xen::Instant step_began_; ///< when the last step's line had been written
  config::LogLevel level_ = config::LogLevel::normal;
  bool timing_ = false;
};

/// What a person can do about an error of this kind; empty when the message says it all.
std::string_view advice(Code code);

} // namespace pvboot::loader
