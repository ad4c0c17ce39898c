#include "loader/program/log.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

std::string_view advice(Code code) {
  switch (code) {
  case Code::corrupt: return "the data on the disk is damaged: check the filesystem or reinstall the file";
  case Code::io: return "the host's disk or backend reports errors: look at the host's logs";
  case Code::timed_out: return "look at the backend on the host: is it running, and does its storage answer?";
  case Code::gone: return "the backend went away: look at the host's logs, then start the guest again";
  case Code::not_found: return "check the names in the guest's boot configuration and the disk= lines on the host";
  case Code::unsupported: return "choose another entry, or change what the message names";
  case Code::invalid: return "correct the option or the configuration that the message names";
  case Code::too_large: return "make it smaller, or give the guest more memory where memory is meant";
  case Code::out_of_memory: return "give the guest more memory (memory= in the xl config)";
  case Code::denied: return "the host does not permit it: look at the host's configuration";
  }
  return {};
}

void Log::say(std::string_view line) {
  std::string text("pvboot: ");
  text += line;
  text += "\n";
  console_.write(text);
}

void Log::info(std::string_view line) {
  if (level_ != config::LogLevel::quiet)
    say(line);
}

void Log::debug(std::string_view line) {
  if (level_ == config::LogLevel::debug)
    say(line);
}

void Log::timing(std::string_view step, std::string_view more) {
  if (!timing_)
    return;
  const xen::Instant now = clock_.now();
  std::string line =
      "timing: " + std::string(step) + ": " + seconds_text(now - started_) + ", +" + seconds_text(now - step_began_);
  if (!more.empty())
    (line += "; ") += more;
  say(line);
  step_began_ = clock_.now();
}

void Log::error(std::string_view what, const Error& error) {
  say("error: " + std::string(what) + ": " + printable(error.text(), 2000));
  if (const std::string_view help = advice(error.code()); !help.empty())
    say("  " + std::string(help));
}

} // namespace pvboot::loader
