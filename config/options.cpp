#include "config/options.hpp"

#include "base/text.hpp"

namespace pvboot::config {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct RawWord {
  std::string_view written; ///< quotes included
  std::string meant;        ///< without them
};

/// The next word, or nothing. A quote that stays open reaches to the end.
std::optional<RawWord> take_word(std::string_view& text, bool& unclosed) {
  while (!text.empty() && is_blank(text[0]))
    text.remove_prefix(1);
  if (text.empty())
    return std::nullopt;
  RawWord word;
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size() && (quoted || !is_blank(text[at])); ++at) {
    const bool escapes =
        quoted && text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
    if (text[at] == '"')
      quoted = !quoted;
    else
      word.meant += escapes ? text[++at] : text[at];
  }
  unclosed = unclosed || quoted;
  word.written = text.substr(0, at);
  text.remove_prefix(at);
  return word;
}

/// "(hd0,0)/x" as PV-GRUB counted, into "(hd0,1)/x" as everybody else does.
void count_from_one(FilePath& file) {
  std::string& device = file.device.text;
  const std::size_t comma = device.find(',');
  if (!device.starts_with("hd") || comma == std::string::npos || file.path.ends_with(".cfg"))
    return;
  if (const auto number = parse_number(std::string_view(device).substr(comma + 1)); number && *number < 255)
    device = device.substr(0, comma + 1) + dec(*number + 1);
}

/// "(device)/path" in the way of PV-GRUB; nothing for other words.
std::optional<FilePath> legacy_path(std::string_view word) {
  auto file = parse_path(word, DeviceName{});
  if (!file || file->device.empty() || !file->path.starts_with('/'))
    return std::nullopt;
  count_from_one(*file);
  return std::move(*file);
}

class OptionReader {
public:
  Options read(std::string_view extra) {
    bool unclosed = false;
    bool first = true;
    while (auto word = take_word(extra, unclosed)) {
      take(*word, first);
      first = false;
    }
    if (unclosed)
      warn("a double quote in extra= is never closed", "");
    return std::move(options_);
  }

private:
  void take(const RawWord& word, bool first) {
    const std::string_view meant = word.meant;
    constexpr std::string_view prefix = "pvboot.";
    constexpr std::string_view variable_prefix = "xen_grub_env_";
    if (meant.starts_with(prefix))
      option(meant.substr(prefix.size()), meant);
    else if (meant.starts_with(variable_prefix))
      variable(meant);
    else if (auto file = first ? legacy_path(meant) : std::nullopt)
      options_.config = std::move(*file);
    else
      options_.kernel_words.emplace_back(word.written);
  }

  void option(std::string_view text, std::string_view word) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
      return warn("an option of pvboot is written pvboot.NAME=VALUE", word);
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    constexpr struct {
      std::string_view name;
      bool (OptionReader::*set)(std::string_view);
    } known[] = {
        {"entry", &OptionReader::entry}, {"timeout", &OptionReader::timeout}, {"config", &OptionReader::config},
        {"log", &OptionReader::log},     {"stage2", &OptionReader::stage2},   {"on_error", &OptionReader::on_error},
    };
    for (const auto& candidate : known)
      if (candidate.name == name) {
        if (!(this->*candidate.set)(value))
          warn("this value makes no sense", word);
        return;
      }
    warn("pvboot has no such option (entry, timeout, config, log, stage2, on_error)", word);
  }

  bool entry(std::string_view value) {
    if (value.empty())
      return false;
    options_.entry = std::string(value);
    return true;
  }

  bool timeout(std::string_view value) {
    if (value == "never" || value == "-1") {
      options_.wait = true;
      options_.timeout.reset();
      return true;
    }
    const auto seconds = parse_number(value);
    if (!seconds || *seconds > 0x7fffffff)
      return false;
    options_.wait = false;
    options_.timeout = static_cast<std::uint32_t>(*seconds);
    return true;
  }

  bool config(std::string_view value) {
    auto file = parse_path(value, DeviceName{});
    if (!file || !file->path.starts_with('/') || (value.starts_with('(') && file->device.empty()))
      return false;
    options_.config = std::move(*file);
    return true;
  }

  bool log(std::string_view value) {
    std::optional<LogLevel> level;
    bool timing = false;
    while (!value.empty()) {
      const std::size_t comma = std::min(value.find(','), value.size());
      const std::string_view one = value.substr(0, comma);
      if (one == "quiet")
        level = LogLevel::quiet;
      else if (one == "normal")
        level = LogLevel::normal;
      else if (one == "debug")
        level = LogLevel::debug;
      else if (one == "timing")
        timing = true;
      else
        return false;
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
    if (!level && !timing)
      return false;
    options_.log = level.value_or(options_.log);
    options_.timing = options_.timing || timing;
    return true;
  }

  bool stage2(std::string_view value) {
    if (value != "yes" && value != "no")
      return false;
    options_.stage2 = value == "yes";
    return true;
  }

  bool on_error(std::string_view value) {
    constexpr std::pair<std::string_view, OnError> known[] = {
        {"fallback", OnError::fallback}, {"retry", OnError::retry},       {"menu", OnError::menu},
        {"reboot", OnError::reboot},     {"poweroff", OnError::poweroff}, {"crash", OnError::crash},
    };
    for (const auto& [name, meaning] : known)
      if (name == value) {
        options_.on_error = meaning;
        return true;
      }
    return false;
  }

  void variable(std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    for (const char c : name)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
        return warn("a variable's name has letters and \"_\" only", word);
    const std::string_view value = equals == std::string_view::npos ? "1" : word.substr(equals + 1);
    options_.grub_variables.emplace_back(name, value);
  }

  void warn(std::string_view message, std::string_view word) {
    options_.warnings.push_back((word.empty() ? "" : printable(word) + ": ") + std::string(message));
  }

  Options options_;
};

/// Where a command line's word "--" begins, or its end. Quotes as the kernel reads them.
std::size_t find_separator(std::string_view line) {
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    if (at < line.size() && line[at] == '"')
      quoted = !quoted;
    if (at < line.size() && (quoted || !is_blank(line[at])))
      continue;
    if (line.substr(start, at - start) == "--")
      return start;
    start = at + 1;
  }
  return line.size();
}

void append_word(std::string& line, std::string_view word) {
  if (!line.empty() && !word.empty())
    line += ' ';
  line += word;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

bool stays_open(std::string_view extra) {
  bool unclosed = false;
  while (take_word(extra, unclosed))
    ;
  return unclosed;
}

} // namespace

std::string with_option(std::string_view extra, std::string_view word) {
  std::string text(extra);
  // A backslash at the end would take the quote that is to close.
  if (stays_open(text))
    text += stays_open(text + '"') ? "\\\"" : "\"";
  append_word(text, word);
  return text;
}

Options parse_options(std::string_view extra) { return OptionReader().read(extra); }

Result<std::string> append_to_command_line(std::string_view command_line, const std::vector<std::string>& words) {
  const std::size_t separator = find_separator(command_line);
  std::string line(words.empty() ? command_line.substr(0, separator) : trimmed(command_line.substr(0, separator)));
  std::string for_init(command_line.substr(separator));
  bool behind = false;
  for (const std::string& word : words) {
    if (!behind && word == "--") {
      behind = true;
      if (for_init.empty())
        for_init = word;
      continue;
    }
    append_word(behind ? for_init : line, word);
  }
  if (words.empty())
    line += for_init;
  else
    append_word(line, for_init);
  if (line.size() > max_command_line)
    return fail(Code::too_large, "the kernel's command line is longer than 1023 bytes, which is all that Xen can pass",
                "command line of " + dec(line.size()) + " bytes");
  return line;
}

} // namespace pvboot::config
