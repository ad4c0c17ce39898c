#include "config/grub/arguments.hpp"

#include "config/grub/limits.hpp"

#include <algorithm>
#include <utility>

namespace pvboot::config::grub {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace

Result<void> ArgumentList::begin_word() {
  if (!patterns_.empty() && !open_)
    return {};
  if (patterns_.size() >= limits::arguments)
    return fail(Code::too_large, "a command has too many arguments");
  patterns_.emplace_back();
  open_ = false;
  return {};
}

Result<void> ArgumentList::append_raw(std::string_view text) { return add(text); }

Result<void> ArgumentList::append_quoted(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '\\')
      escaped += '\\';
    escaped += c;
  }
  return add(escaped);
}

Result<void> ArgumentList::append_split(std::string_view value) {
  std::size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < value.size() && is_blank(value[at]))
      ++at;
  };
  skip_blanks();
  while (at < value.size()) {
    std::string piece;
    for (; at < value.size() && !is_blank(value[at]); ++at) {
      // A backslash in a value is itself, and takes a "*" or "?" behind it with it.
      const bool escapes = value[at] == '\\' && at + 1 < value.size() && (value[at + 1] == '*' || value[at + 1] == '?');
      if (value[at] == '\\')
        piece += escapes ? "\\\\" : "\\";
      piece += value[at];
    }
    TRY(add(piece));
    skip_blanks();
    if (at < value.size())
      TRY(begin_word());
  }
  return {};
}

std::vector<std::string> ArgumentList::take_patterns() {
  if (!patterns_.empty() && !open_)
    patterns_.pop_back();
  open_ = false;
  bytes_ = 0;
  return std::exchange(patterns_, {});
}

Result<void> ArgumentList::add(std::string_view bytes) {
  if (patterns_.empty())
    TRY(begin_word());
  if (patterns_.back().size() + bytes.size() > 2 * limits::string_bytes ||
      bytes_ + bytes.size() > limits::argument_bytes)
    return fail(Code::too_large, "a command's arguments are too long");
  bytes_ += bytes.size();
  patterns_.back() += bytes;
  open_ = true;
  return {};
}

bool is_pattern(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\')
      ++i;
    else if (pattern[i] == '*' || pattern[i] == '?')
      return true;
  }
  return false;
}

std::string plain(std::string_view pattern) {
  std::string text;
  text.reserve(pattern.size());
  bool escaped = false;
  for (const char c : pattern) {
    escaped = c == '\\' && !escaped;
    if (!escaped)
      text += c;
  }
  return text;
}

bool matches(std::string_view pattern, std::string_view name) {
  // The classic two-pointer walk: on a mismatch, let the last "*" swallow one byte more.
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    const bool literal = p < pattern.size() && pattern[p] == '\\' && p + 1 < pattern.size();
    const char c = p < pattern.size() ? pattern[p + literal] : '\0';
    if (p < pattern.size() && !literal && c == '*') {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() && (c == name[n] || (!literal && c == '?'))) {
      p += 1 + literal;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

std::vector<std::string> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(separators, at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

bool ParsedArguments::has(std::size_t option) const {
  for (const Given& given : options)
    if (given.option == option)
      return true;
  return false;
}

const std::string* ParsedArguments::value(std::size_t option) const {
  const std::string* found = nullptr;
  for (const Given& given : options)
    if (given.option == option && given.value)
      found = &*given.value;
  return found;
}

namespace {

/// Walks over arguments; see parse_arguments().
class OptionParser {
public:
  OptionParser(std::span<const OptionSpec> specs, std::span<const std::string> arguments, bool accept_dash)
      : specs_(specs), arguments_(arguments), accept_dash_(accept_dash) {}

  Result<ParsedArguments> run() {
    for (; at_ < arguments_.size(); ++at_) {
      const std::string_view argument = arguments_[at_];
      if (argument == "--") {
        result_.words.insert(result_.words.end(), arguments_.begin() + at_ + 1, arguments_.end());
        break;
      }
      if (argument.size() < 2 || argument[0] != '-')
        result_.words.emplace_back(argument);
      else if (argument[1] == '-')
        TRY(long_option(argument));
      else
        TRY(short_options(argument));
    }
    return std::move(result_);
  }

private:
  Result<void> long_option(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    std::size_t index = 0;
    while (index < specs_.size() && specs_[index].name != name)
      ++index;
    if (index == specs_.size())
      return unknown(argument);
    std::optional<std::string> value;
    if (equals != std::string_view::npos)
      value = std::string(argument.substr(equals + 1));
    else if (specs_[index].value != OptionSpec::Value::none && at_ + 1 < arguments_.size() &&
             !arguments_[at_ + 1].starts_with('-'))
      value = arguments_[++at_];
    return give(index, std::move(value), argument);
  }

  Result<void> short_options(std::string_view argument) {
    for (const char letter : argument.substr(1))
      if (index_of(letter) == specs_.size())
        return unknown(argument);
    for (std::size_t i = 1; i < argument.size(); ++i) {
      const std::size_t index = index_of(argument[i]);
      const OptionSpec& spec = specs_[index];
      std::optional<std::string> value;
      if (i + 1 == argument.size() && spec.value != OptionSpec::Value::none && at_ + 1 < arguments_.size()) {
        const std::string& following = arguments_[at_ + 1];
        if (spec.value == OptionSpec::Value::required || following.size() < 2 || following[0] != '-') {
          value = following;
          ++at_;
        }
      }
      TRY(give(index, std::move(value), argument));
    }
    return {};
  }

  Result<void> give(std::size_t index, std::optional<std::string> value, std::string_view argument) {
    if (!value && specs_[index].value == OptionSpec::Value::required)
      return fail(Code::invalid, "the option needs a value", argument);
    result_.options.push_back({index, std::move(value)});
    return {};
  }

  Result<void> unknown(std::string_view argument) {
    if (!accept_dash_)
      return fail(Code::invalid, "unknown option", argument);
    result_.words.emplace_back(argument);
    return {};
  }

  std::size_t index_of(char letter) const {
    std::size_t index = 0;
    while (index < specs_.size() && specs_[index].letter != letter)
      ++index;
    return index;
  }

  std::span<const OptionSpec> specs_;
  std::span<const std::string> arguments_;
  bool accept_dash_;
  std::size_t at_ = 0;
  ParsedArguments result_;
};

} // namespace

Result<ParsedArguments> parse_arguments(std::span<const OptionSpec> specs, std::span<const std::string> arguments,
                                        bool accept_dash) {
  return OptionParser(specs, arguments, accept_dash).run();
}

std::string join_command_line(std::span<const std::string> arguments) {
  std::string line;
  bool first = true;
  for (const std::string& argument : arguments) {
    if (!std::exchange(first, false))
      line += ' ';
    const char* quote = argument.find(' ') == std::string::npos ? "" : "\"";
    line += quote;
    for (const char c : argument) {
      if (c == '\\' || c == '\'' || c == '"')
        line += '\\';
      line += c;
    }
    line += quote;
  }
  return line;
}

} // namespace pvboot::config::grub
