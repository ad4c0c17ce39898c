// How the words of a command become its arguments, and how a command takes options out of them.
//
// An ArgumentList is built from the pieces of the words, in order. Unquoted values are split at blanks, a word that
// comes to nothing vanishes, a quoted empty one stays. Until the end each argument is kept as a *pattern*: "*" and "?"
// that were quoted have a backslash before them, so that those without one can be matched against names.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::config::grub {

class ArgumentList {
public:
  /// A new word begins; the one before it is complete.
  Result<void> begin_word();
  /// Unquoted text as it is written, with its backslashes.
  Result<void> append_raw(std::string_view text);
  /// Text that means itself.
  Result<void> append_quoted(std::string_view text);
  /// An unquoted value: its blanks begin new arguments, its "*" and "?" are active.
  Result<void> append_split(std::string_view value);

  /// The patterns, without a last word that came to nothing; the list is empty afterwards.
  std::vector<std::string> take_patterns();

private:
  Result<void> add(std::string_view bytes);

  std::vector<std::string> patterns_;
  bool open_ = false; ///< the last pattern has got something, be it empty
  std::size_t bytes_ = 0;
};

/// Whether a pattern has an active "*" or "?".
bool is_pattern(std::string_view pattern);
/// The pattern without its backslashes.
std::string plain(std::string_view pattern);
/// Whether a name matches; linear in name times pattern.
bool matches(std::string_view pattern, std::string_view name);

/// The words of a text with bytes of `separators` between them.
std::vector<std::string> words_of(std::string_view text, std::string_view separators);
/// What may stand between the names of users, in `superusers` and behind `--users`.
constexpr std::string_view user_separators = " \t,;|&";

/// One option that a command knows: --NAME, and -L when `letter` is set.
struct OptionSpec {
  enum class Value : std::uint8_t { none, required, optional };

  std::string_view name;
  char letter = 0;
  Value value = Value::none;
};

struct ParsedArguments {
  struct Given {
    std::size_t option = 0; ///< index into the specs
    std::optional<std::string> value;
  };

  std::vector<Given> options; ///< in order
  std::vector<std::string> words;

  bool has(std::size_t option) const;
  /// The last value given for an option; nullptr when there is none.
  const std::string* value(std::size_t option) const;
};

/// Options and words taken apart as GRUB's commands do: anywhere among the words, "--" ends them. With `accept_dash`,
/// what is no known option is a word. Code::invalid for an unknown option or a missing value.
Result<ParsedArguments> parse_arguments(std::span<const OptionSpec> specs, std::span<const std::string> arguments,
                                        bool accept_dash = false);

/// A kernel's command line from its arguments: one with a space is put in double quotes, and quotes and backslashes
/// get a backslash, as GRUB 2.06 does.
std::string join_command_line(std::span<const std::string> arguments);

} // namespace pvboot::config::grub
