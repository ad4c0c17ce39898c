// Words into arguments: the part of the Interpreter that substitutes variables and matches file names.

#include "base/text.hpp"
#include "config/grub/calendar.hpp"
#include "config/grub/glob.hpp"
#include "config/grub/interpreter.hpp"
#include "config/grub/limits.hpp"

namespace pvboot::config::grub {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/// "$1", "$#", "$*", "$@": what only a function or an entry's body has.
bool is_parameter(std::string_view name) {
  return name == "#" || name == "*" || name == "@" || (!name.empty() && is_digit(name[0]));
}

} // namespace

std::string Interpreter::value_of(std::string_view name) {
  if (name == "?")
    return dec(static_cast<std::uint32_t>(status_));
  if (variables().has(name))
    return std::string(variables().get(name));
  return calendar_value(name, environment_);
}

Result<std::vector<std::string>> Interpreter::expand(Script& script, std::uint32_t first_word, std::uint32_t count) {
  ArgumentList list;
  std::uint64_t pieces = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Word word = script.word(first_word + i);
    TRY(list.begin_word());
    pieces += word.part_count;
    for (std::uint32_t part = 0; part < word.part_count; ++part)
      TRY(expand_part(script.part(word.first_part + part), list));
  }
  TRY(spend(pieces / 64)); // they cost time even where they come to nothing
  std::vector<std::string> arguments;
  std::size_t matched_bytes = 0;
  for (const std::string& pattern : list.take_patterns()) {
    TRY(spend(pattern.size() / 64));
    if (!is_pattern(pattern)) {
      arguments.push_back(plain(pattern));
      continue;
    }
    Glob glob(environment_, DeviceName{std::string(variables().get("root"))});
    auto names = glob.expand(pattern);
    TRY(spend(glob.work()));
    if (names.empty())
      names.push_back(plain(pattern));
    if (arguments.size() + names.size() > limits::arguments)
      return fail(Code::too_large, "a command has too many arguments");
    for (std::string& name : names) {
      matched_bytes += name.size();
      arguments.push_back(std::move(name));
    }
    if (matched_bytes > limits::argument_bytes)
      return fail(Code::too_large, "a command's arguments are too long");
  }
  return arguments;
}

Result<void> Interpreter::expand_part(const Part& part, ArgumentList& out) {
  switch (part.kind) {
  case Part::Kind::text: return out.append_raw(part.view());
  case Part::Kind::single_quoted:
  case Part::Kind::double_quoted: return out.append_quoted(part.view());
  case Part::Kind::translated: return out.append_quoted(TRY(translated(part.view())));
  case Part::Kind::variable:
  case Part::Kind::quoted_variable: return expand_variable(part, out);
  }
  return {};
}

Result<void> Interpreter::expand_variable(const Part& part, ArgumentList& out) {
  const bool quoted = part.kind == Part::Kind::quoted_variable;
  const std::string_view name = part.view();
  if (is_parameter(name))
    return expand_parameters(name, quoted, out);
  const std::string value = value_of(name);
  TRY(spend(value.size() / 64));
  return quoted ? out.append_quoted(value) : out.append_split(value);
}

Result<void> Interpreter::expand_parameters(std::string_view name, bool quoted, ArgumentList& out) {
  const auto append = [&](std::string_view value) -> Result<void> {
    TRY(spend(value.size() / 64));
    return quoted ? out.append_quoted(value) : out.append_split(value);
  };
  if (!scope_)
    return quoted ? out.append_quoted("") : Result<void>{};
  const std::span<const std::string> parameters = scope_->visible();
  if (name == "#")
    return append(dec(parameters.size()));
  if (name == "@" || name == "*") {
    if (quoted && parameters.empty())
      return out.append_quoted("");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (i != 0 && quoted && name == "*")
        TRY(out.append_quoted(" "));
      else if (i != 0)
        TRY(out.begin_word());
      TRY(append(parameters[i]));
    }
    return {};
  }
  const auto number = parse_number(name);
  if (!number || *number == 0 || *number > parameters.size())
    return quoted ? out.append_quoted("") : Result<void>{};
  return append(parameters[*number - 1]);
}

/// The inside of $"...": in the configuration's own words, with variables filled in.
Result<std::string> Interpreter::translated(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '\\' || text[i + 1] == '$')) {
      out += text[++i];
      continue;
    }
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t from = i + (braces ? 2 : 1);
    std::size_t end = from;
    while (end < text.size() && is_name_byte(text[end]))
      ++end;
    if (end == from && end < text.size() && text[end] == '?')
      ++end;
    if (end == from || (braces && (end >= text.size() || text[end] != '}'))) {
      out += '$';
      continue;
    }
    const std::string_view name = text.substr(from, end - from);
    if (!is_parameter(name))
      out += value_of(name);
    if (out.size() > limits::string_bytes)
      return fail(Code::too_large, "a command's arguments are too long");
    i = braces ? end : end - 1;
  }
  return out;
}

} // namespace pvboot::config::grub
