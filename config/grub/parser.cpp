#include "config/grub/parser.hpp"

#include "config/grub/limits.hpp"

namespace pvboot::config::grub {

/// One level of nesting, as long as it lives.
class Parser::Nested {
public:
  explicit Nested(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Nested() { --parser_.depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

  bool too_deep() const { return parser_.depth_ > limits::nesting; }

private:
  Parser& parser_;
};

Result<std::optional<CommandIndex>> Parser::next_unit() {
  for (;;) {
    depth_ = 0;
    auto first = unit();
    if (!first) {
      if (first.error().code() == Code::invalid)
        lexer_.skip_line();
      return std::unexpected(std::move(first).error());
    }
    if (*first != 0)
      return *first;
    if (token_.kind == TokenKind::end)
      return std::nullopt;
  }
}

Result<CommandIndex> Parser::unit() {
  CommandIndex first = 0;
  CommandIndex last = 0;
  for (;;) {
    TRY(advance());
    if (token_.kind == TokenKind::newline || token_.kind == TokenKind::end)
      return first;
    const CommandIndex index = TRY(statement());
    if (first == 0)
      first = index;
    else
      script_.command(last).next = index;
    last = index;
    if (token_.kind == TokenKind::newline || token_.kind == TokenKind::end)
      return first;
    if (token_.kind != TokenKind::semicolon)
      return mistake("a command does not end where it should");
  }
}

Result<CommandIndex> Parser::statement() { return is(Keyword::function_) ? function() : command(); }

Result<CommandIndex> Parser::command() {
  const Nested nested(*this);
  if (nested.too_deep())
    return fail(Code::too_large, "blocks are nested too deeply", script_.origin(token_.line).text());
  if (is(Keyword::if_))
    return condition();
  if (is(Keyword::for_))
    return for_loop();
  if (is(Keyword::while_))
    return while_loop(Command::Kind::while_loop);
  if (is(Keyword::until_))
    return while_loop(Command::Kind::until_loop);
  return simple();
}

Result<CommandIndex> Parser::simple() {
  if (token_.kind != TokenKind::word && token_.kind != TokenKind::name)
    return mistake("a command is expected here");
  Command made;
  made.line = token_.line;
  made.first_word = script_.word_count();
  TRY(arguments(made));
  if (token_.kind == TokenKind::open_brace) {
    TRY(advance());
    made.body = TRY(list()).first;
    if (token_.kind != TokenKind::close_brace)
      return mistake("\"}\" is expected here");
    TRY(advance());
  }
  return script_.add(made);
}

Result<CommandIndex> Parser::condition() {
  Command made;
  made.kind = Command::Kind::condition;
  made.line = token_.line;
  TRY(branch(made));
  // "elif" chains hang on each other's `otherwise`; they are built front to back without recursion.
  const CommandIndex first = script_.add(made);
  CommandIndex tail = first;
  while (is(Keyword::elif_)) {
    Command next;
    next.kind = Command::Kind::condition;
    next.line = token_.line;
    TRY(branch(next));
    const CommandIndex index = script_.add(next);
    script_.command(tail).otherwise = index;
    tail = index;
  }
  if (is(Keyword::else_)) {
    TRY(advance());
    const List otherwise = TRY(list());
    if (!otherwise.delimited)
      return mistake("\"fi\" is expected on a line of its own or behind \";\"");
    script_.command(tail).otherwise = otherwise.first;
  }
  TRY(expect(Keyword::fi_));
  return first;
}

/// What stands behind "if" or "elif": the test, "then" and its list.
Result<void> Parser::branch(Command& command) {
  TRY(advance());
  command.test = TRY(list_before(Keyword::then_));
  const List body = TRY(list());
  if (!body.delimited)
    return mistake("\"fi\", \"else\" or \"elif\" is expected on a line of its own or behind \";\"");
  command.body = body.first;
  return {};
}

Result<CommandIndex> Parser::for_loop() {
  Command made;
  made.kind = Command::Kind::for_loop;
  made.line = token_.line;
  TRY(advance());
  made.name_word = TRY(name());
  TRY(expect(Keyword::in_));
  made.first_word = script_.word_count();
  TRY(arguments(made));
  if (!TRY(delimiter()))
    return mistake("\"do\" is expected on a line of its own or behind \";\"");
  TRY(expect(Keyword::do_));
  made.body = TRY(list_before(Keyword::done_));
  return script_.add(made);
}

Result<CommandIndex> Parser::while_loop(Command::Kind kind) {
  Command made;
  made.kind = kind;
  made.line = token_.line;
  TRY(advance());
  made.test = TRY(list_before(Keyword::do_));
  made.body = TRY(list_before(Keyword::done_));
  return script_.add(made);
}

Result<CommandIndex> Parser::function() {
  Command made;
  made.kind = Command::Kind::function;
  made.line = token_.line;
  TRY(advance());
  made.name_word = TRY(name());
  TRY(skip_newlines());
  if (token_.kind != TokenKind::open_brace)
    return mistake("a function's \"{\" is expected here");
  TRY(advance());
  const List body = TRY(list());
  if (!body.delimited || token_.kind != TokenKind::close_brace)
    return mistake("a function's \"}\" is expected here, on a line of its own or behind \";\"");
  made.body = body.first;
  TRY(advance());
  return script_.add(made);
}

/// Commands with delimiters between them, at least one.
Result<Parser::List> Parser::list() {
  List result;
  CommandIndex last = 0;
  TRY(skip_newlines());
  for (;;) {
    const CommandIndex index = TRY(command());
    if (result.first == 0)
      result.first = index;
    else
      script_.command(last).next = index;
    last = index;
    result.delimited = TRY(delimiter());
    if (!result.delimited || !starts_command())
      return result;
  }
}

Result<CommandIndex> Parser::list_before(Keyword keyword) {
  const List result = TRY(list());
  if (!result.delimited)
    return mistake("a keyword is expected on a line of its own or behind \";\"");
  TRY(expect(keyword));
  return result.first;
}

/// Words up to the first token that is none; token_ is at the first of them, or behind the construct's last keyword.
Result<void> Parser::arguments(Command& command) {
  while (token_.kind == TokenKind::word || token_.kind == TokenKind::name || token_.kind == TokenKind::keyword) {
    script_.add(token_.word);
    ++command.word_count;
    TRY(advance());
  }
  return {};
}

/// ";" or a newline, and newlines after it.
Result<bool> Parser::delimiter() {
  if (token_.kind != TokenKind::semicolon && token_.kind != TokenKind::newline)
    return false;
  TRY(advance());
  TRY(skip_newlines());
  return true;
}

Result<void> Parser::skip_newlines() {
  while (token_.kind == TokenKind::newline)
    TRY(advance());
  return {};
}

Result<void> Parser::advance() {
  token_ = lexer_.next();
  if (other_trees_ + script_.tree_bytes() > limits::tree_bytes)
    return fail(Code::too_large, "the configuration is too large", script_.origin(token_.line).text());
  if (token_.kind == TokenKind::mistake)
    return mistake(token_.problem);
  return {};
}

Result<void> Parser::expect(Keyword keyword) {
  if (!is(keyword)) {
    switch (keyword) {
    case Keyword::then_: return mistake("\"then\" is expected here");
    case Keyword::fi_: return mistake("\"fi\" is expected here");
    case Keyword::in_: return mistake("\"in\" is expected here");
    case Keyword::do_: return mistake("\"do\" is expected here");
    default: return mistake("\"done\" is expected here");
    }
  }
  return advance();
}

Result<std::uint32_t> Parser::name() {
  if (token_.kind != TokenKind::name)
    return mistake("a name is expected here: letters, digits and \"_\"");
  const std::uint32_t index = script_.add(token_.word);
  TRY(advance());
  return index;
}

bool Parser::starts_command() const {
  return token_.kind == TokenKind::word || token_.kind == TokenKind::name || is(Keyword::if_) || is(Keyword::for_) ||
         is(Keyword::while_) || is(Keyword::until_);
}

std::unexpected<Error> Parser::mistake(const char* message) const {
  const char* what = token_.kind == TokenKind::end ? "the file ends in the middle of a command" : message;
  return fail(Code::invalid, what, script_.origin(token_.line).text());
}

} // namespace pvboot::config::grub
