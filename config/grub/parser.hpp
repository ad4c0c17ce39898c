// From tokens to commands, a unit at a time.
//
// GRUB reads a configuration line by line: what a line holds (and the lines after it while a block or a quote is
// open) is parsed as a whole, then run, then the next line is read. A mistake throws away its unit and nothing else.
// The grammar:
//
//   unit      := (statement (";" | newline))*           up to the end of a line
//   statement := command | "function" name newline* "{" list "}"
//   command   := word argument* block? | if | for | while | until
//   block     := "{" list "}"                           a list is never empty
//   if        := "if" list "then" list ("elif" list "then" list)* ("else" list)? "fi"
//   for       := "for" name "in" argument* sep "do" list "done"
//   while     := ("while" | "until") list "do" list "done"
//
// Recursion is bounded by limits::nesting, the tree by limits::tree_bytes.
#pragma once

#include "config/grub/lexer.hpp"

#include <optional>

namespace pvboot::config::grub {

class Parser {
public:
  /// `other_trees` bytes of the bound are taken already.
  Parser(Script& script, std::size_t other_trees) : script_(script), lexer_(script), other_trees_(other_trees) {}

  /// The first command of the next unit that has one; nothing at the end of the text. Code::invalid, with the
  /// place, for a unit that makes no sense: go on with the next. Code::too_large: no more than this.
  Result<std::optional<CommandIndex>> next_unit();

private:
  struct List {
    CommandIndex first = 0;
    bool delimited = false; ///< a ";" or a newline came behind the last command
  };
  class Nested;

  Result<CommandIndex> unit();
  Result<CommandIndex> statement();
  Result<CommandIndex> command();
  Result<CommandIndex> simple();
  Result<CommandIndex> condition();
  Result<CommandIndex> for_loop();
  Result<CommandIndex> while_loop(Command::Kind kind);
  Result<CommandIndex> function();
  Result<List> list();
  Result<CommandIndex> list_before(Keyword keyword);
  Result<void> branch(Command& command);
  Result<void> arguments(Command& command);
  Result<bool> delimiter();
  Result<void> skip_newlines();
  Result<void> advance();
  Result<void> expect(Keyword keyword);
  Result<std::uint32_t> name();
  bool starts_command() const;
  bool is(Keyword keyword) const { return token_.kind == TokenKind::keyword && token_.keyword == keyword; }
  std::unexpected<Error> mistake(const char* message) const;

  Script& script_;
  Lexer lexer_;
  std::size_t other_trees_;
  Token token_{};
  std::size_t depth_ = 0;
};

} // namespace pvboot::config::grub
