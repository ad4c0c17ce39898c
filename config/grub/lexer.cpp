#include "config/grub/lexer.hpp"

#include <string>

namespace pvboot::config::grub {

namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Bytes that end a word when they stand unquoted.
constexpr bool ends_word(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '{' || c == '}' || c == '|' || c == '&' || c == ';' || c == '<' ||
         c == '>';
}

constexpr struct {
  std::string_view text;
  Keyword keyword;
} keywords[] = {
    {"if", Keyword::if_},        {"then", Keyword::then_},   {"elif", Keyword::elif_},
    {"else", Keyword::else_},    {"fi", Keyword::fi_},       {"for", Keyword::for_},
    {"in", Keyword::in_},        {"do", Keyword::do_},       {"done", Keyword::done_},
    {"while", Keyword::while_},  {"until", Keyword::until_}, {"case", Keyword::unused},
    {"select", Keyword::unused}, {"esac", Keyword::unused},  {"function", Keyword::function_},
};

Keyword keyword_of(std::string_view text) {
  for (const auto& entry : keywords)
    if (entry.text == text)
      return entry.keyword;
  return Keyword::none;
}

bool is_name(std::string_view text) {
  if (text.empty() || !is_letter(text[0]))
    return false;
  for (const char c : text)
    if (!is_letter(c) && !is_digit(c))
      return false;
  return true;
}

} // namespace

Token Lexer::next() {
  skip_blanks();
  Token token;
  token.line = line_;
  last_was_newline_ = false;
  if (at_ >= text_.size())
    return token;
  const char c = text_[at_];
  if (ends_word(c))
    return symbol(c);
  return word_token();
}

void Lexer::skip_line() {
  if (last_was_newline_)
    return;
  while (at_ < text_.size() && text_[at_] != '\n')
    ++at_;
  if (at_ < text_.size()) {
    ++at_;
    ++line_;
  }
  last_was_newline_ = true;
}

/// Blanks, dropped lines and comments: all that can stand between tokens.
void Lexer::skip_blanks() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\0')
      ++line_;
    else if (c == '#')
      while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n')
        ++at_;
    else if (c != ' ' && c != '\t')
      return;
  }
}

Token Lexer::symbol(char c) {
  Token token;
  token.line = line_;
  ++at_;
  switch (c) {
  case '\n':
    token.kind = TokenKind::newline;
    last_was_newline_ = true;
    ++line_;
    break;
  case ';':
    token.kind = at(at_) == ';' ? TokenKind::mistake : TokenKind::semicolon;
    token.problem = "\";;\" is reserved";
    break;
  case '{': token.kind = TokenKind::open_brace; break;
  case '}': token.kind = TokenKind::close_brace; break;
  default: token.kind = TokenKind::mistake; token.problem = "\"|\", \"&\", \"<\" and \">\" are reserved; quote them";
  }
  return token;
}

Token Lexer::word_token() {
  Token token;
  token.line = line_;
  token.word.first_part = script_.part_count();
  const std::size_t start = at_;
  if (const char* problem = read_word()) {
    token.kind = TokenKind::mistake;
    token.problem = problem;
    return token;
  }
  token.word.part_count = script_.part_count() - token.word.first_part;
  const std::string_view raw = text_.substr(start, at_ - start);
  token.keyword = keyword_of(raw);
  if (raw == "[[" || raw == "]]") {
    token.kind = TokenKind::mistake;
    token.problem = "\"[[\" and \"]]\" are reserved";
  } else if (token.keyword != Keyword::none) {
    token.kind = TokenKind::keyword;
  } else {
    token.kind = is_name(raw) ? TokenKind::name : TokenKind::word;
  }
  return token;
}

/// All parts of one word. Nothing, or what is wrong with it; at_ is behind it.
const char* Lexer::read_word() {
  std::size_t plain_from = at_;
  while (at_ < text_.size() && !ends_word(text_[at_])) {
    const char c = text_[at_];
    const bool continues_line = c == '\\' && at(at_ + 1) == '\n' && at_ + 1 < text_.size();
    if (c == '\\' && !continues_line) {
      at_ += at_ + 1 < text_.size() ? 2 : 1;
      continue;
    }
    if (c != '"' && c != '\'' && c != '$' && c != '\0' && !continues_line) {
      ++at_;
      continue;
    }
    flush(plain_from, at_, Part::Kind::text);
    const char* problem = nullptr;
    if (c == '\0' || continues_line) {
      at_ += continues_line ? 2 : 1;
      ++line_;
    } else if (c == '\'') {
      problem = read_single_quoted();
    } else if (c == '"') {
      problem = read_double_quoted();
    } else if (at(at_ + 1) == '"') {
      problem = read_translated();
    } else {
      problem = read_variable(Part::Kind::variable);
    }
    if (problem)
      return problem;
    plain_from = at_;
  }
  flush(plain_from, at_, Part::Kind::text);
  return nullptr;
}

const char* Lexer::read_single_quoted() {
  const std::size_t from = ++at_;
  const std::size_t end = text_.find('\'', from);
  if (end == std::string_view::npos) {
    at_ = text_.size();
    return "a single quote is never closed";
  }
  flush_quoted(from, end, Part::Kind::single_quoted);
  at_ = end + 1;
  return nullptr;
}

const char* Lexer::read_double_quoted() {
  std::size_t from = ++at_;
  bool any = false;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\\') {
      at_ += 2;
    } else if (text_[at_] == '$') {
      flush_quoted(from, at_, Part::Kind::double_quoted);
      if (const char* problem = read_variable(Part::Kind::quoted_variable))
        return problem;
      from = at_;
      any = true;
    } else {
      ++at_;
    }
  }
  if (at_ >= text_.size()) {
    at_ = text_.size();
    return "a double quote is never closed";
  }
  if (at_ > from || !any)
    flush_quoted(from, at_, Part::Kind::double_quoted);
  ++at_;
  return nullptr;
}

const char* Lexer::read_translated() {
  const std::size_t from = at_ += 2;
  while (at_ < text_.size() && text_[at_] != '"')
    at_ += text_[at_] == '\\' ? 2 : 1;
  if (at_ >= text_.size()) {
    at_ = text_.size();
    return "a double quote is never closed";
  }
  flush_quoted(from, at_, Part::Kind::translated);
  ++at_;
  return nullptr;
}

const char* Lexer::read_variable(Part::Kind kind) {
  const bool braces = at(at_ + 1) == '{';
  const std::size_t from = at_ + (braces ? 2 : 1);
  std::size_t end = from;
  const char first = at(from);
  if (first == '?' || first == '#' || first == '*' || first == '@')
    end = from + 1;
  else if (is_digit(first))
    while (is_digit(at(end)))
      ++end;
  else if (is_letter(first))
    while (is_letter(at(end)) || is_digit(at(end)))
      ++end;
  if (end == from || (braces && at(end) != '}')) {
    ++at_;
    return "\"$\" does not begin a variable's name; quote it";
  }
  flush(from, end, kind);
  at_ = end + (braces ? 1 : 0);
  return nullptr;
}

void Lexer::flush(std::size_t from, std::size_t to, Part::Kind kind, bool even_if_empty) {
  if (to > from || even_if_empty)
    script_.add(Part{text_.data() + from, static_cast<std::uint32_t>(to - from), kind});
}

/// A quoted stretch: with its escapes undone, newlines counted and dropped lines left out.
void Lexer::flush_quoted(std::size_t from, std::size_t to, Part::Kind kind) {
  const std::string_view raw = text_.substr(from, to - from);
  bool as_it_is = true;
  for (const char c : raw) {
    line_ += c == '\n' || c == '\0';
    as_it_is = as_it_is && c != '\0' && (c != '\\' || kind == Part::Kind::single_quoted);
  }
  if (as_it_is)
    return flush(from, to, kind, true);

  std::string cooked;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '\0')
      continue;
    const char following = i + 1 < raw.size() ? raw[i + 1] : '\0';
    if (c != '\\' || kind == Part::Kind::single_quoted) { // NOLINT(bugprone-branch-clone): no escape; below, none known
      cooked += c;
    } else if (following == '\n') {
      ++i;
    } else if (kind == Part::Kind::double_quoted && (following == '$' || following == '"' || following == '\\')) {
      cooked += raw[++i];
    } else if (kind == Part::Kind::translated && (following == '"' || following == '\\')) {
      cooked += following == '"' ? "\"" : "\\\\";
      ++i;
    } else {
      cooked += c;
    }
  }
  const std::string_view kept = script_.keep(std::move(cooked));
  script_.add(Part{kept.data(), static_cast<std::uint32_t>(kept.size()), kind});
}

} // namespace pvboot::config::grub
