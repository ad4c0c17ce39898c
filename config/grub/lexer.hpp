// From a grub.cfg's text to tokens.
//
// A word is one token whatever it is made of (`a"b"$c` is one); its parts go into the Script's pools as it is read.
// Reserved words are tokens of their own kind, which the parser takes as plain words where they stand as arguments.
// Rules, as GRUB 2.06 has them:
//
//  - "#" begins a comment only where a word could begin; a line that begins with it is not there at all;
//  - a backslash takes the next byte's meaning; before a newline both vanish, inside a word too;
//  - in double quotes a backslash does so only before $, ", \ and a newline;
//  - a variable is $name, ${name}, $1, ${1}, $?, $#, $*, $@, also inside double quotes; any other $ is a mistake;
//  - & | < > && || ;; [[ ]] are reserved, and mistakes everywhere.
//
// The lexer does not recurse and reads each byte a bounded number of times.
#pragma once

#include "config/grub/script.hpp"

namespace pvboot::config::grub {

enum class TokenKind : std::uint8_t {
  end,
  newline,
  semicolon,
  open_brace,
  close_brace,
  word,    ///< anything that is not a name
  name,    ///< a letter or "_", then letters, digits and "_"
  keyword, ///< one of the reserved words
  mistake, ///< not a token; `problem` says why
};

enum class Keyword : std::uint8_t {
  none,
  if_,
  then_,
  elif_,
  else_,
  fi_,
  for_,
  in_,
  do_,
  done_,
  while_,
  until_,
  function_,
  unused, ///< case, esac, select: reserved, and part of no construct
};

struct Token {
  TokenKind kind = TokenKind::end;
  Keyword keyword = Keyword::none;
  std::uint32_t line = 0;
  Word word{};                   ///< word, name, keyword
  const char* problem = nullptr; ///< mistake
};

class Lexer {
public:
  explicit Lexer(Script& script) : script_(script), text_(script.text()), line_(script.first_line()) {}

  Token next();

  /// Goes on after the end of the line that the last token came from.
  void skip_line();

private:
  void skip_blanks();
  Token symbol(char c);
  Token word_token();
  const char* read_word();
  const char* read_escape();
  const char* read_single_quoted();
  const char* read_double_quoted();
  const char* read_translated();
  const char* read_variable(Part::Kind kind);
  void flush(std::size_t from, std::size_t to, Part::Kind kind, bool even_if_empty = false);
  void flush_quoted(std::size_t from, std::size_t to, Part::Kind kind);
  char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }

  Script& script_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_;
  bool last_was_newline_ = true;
};

} // namespace pvboot::config::grub
