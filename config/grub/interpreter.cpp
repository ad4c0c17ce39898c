#include "config/grub/interpreter.hpp"

#include "base/text.hpp"
#include "config/grub/commands.hpp"
#include "config/grub/limits.hpp"
#include "config/grub/parser.hpp"

#include <algorithm>

namespace pvboot::config::grub {

/// One statement inside another, as long as it lives.
class Interpreter::Deeper {
public:
  explicit Deeper(Interpreter& interpreter) : interpreter_(interpreter) { ++interpreter_.depth_; }
  ~Deeper() { --interpreter_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

  bool too_deep() const { return interpreter_.depth_ > limits::call_depth; }

private:
  Interpreter& interpreter_;
};

void Interpreter::prepare(Mode mode, WritePolicy writes, bool printing) {
  mode_ = mode;
  writes_ = writes;
  printing_ = printing;
}

void Interpreter::restore(const Snapshot& snapshot) {
  contexts_ = snapshot.contexts;
  functions_ = snapshot.functions;
  collected_ = {};
  loaded_.reset();
  load_failure_.reset();
  status_ = Status::success;
  halt_ = Halt::none;
  returning_ = false;
  breaks_ = 0;
  loops_ = 0;
}

void Interpreter::refill() {
  steps_ = 0;
  item_count_ = 0;
  item_bytes_ = 0;
}

Result<void> Interpreter::spend(std::uint64_t steps) {
  steps_ += steps;
  if (steps_ > max_steps_)
    return fail(Code::too_large, "the configuration runs for too long (an endless loop?)");
  return {};
}

Result<Status> Interpreter::run_file(const FilePath& file) {
  auto text = environment_.read(file, limits::file_bytes);
  if (!text) {
    warn(std::move(text).error().at(file.text()).text());
    return Status::file_not_found;
  }
  const std::string old_file(variables().get("config_file"));
  const std::string old_directory(variables().get("config_directory"));
  TRY(variables().set("config_file", file.text()));
  TRY(variables().set("config_directory", file.directory()));
  TRY(variables().export_variable("config_file"));
  TRY(variables().export_variable("config_directory"));
  const Status status = TRY(run_text(file, std::move(*text)));
  if (halt_ == Halt::none) {
    TRY(variables().set("config_file", old_file));
    TRY(variables().set("config_directory", old_directory));
  }
  return status;
}

Result<Status> Interpreter::run_text(const FilePath& file, std::string text, std::uint32_t first_line) {
  const Deeper deeper(*this);
  if (deeper.too_deep())
    return fail(Code::too_large, "configurations read one another too deeply", file.text());
  std::size_t source_bytes = text.size();
  for (const auto& script : scripts_)
    source_bytes += script->text().size();
  if (source_bytes > limits::source_bytes)
    return fail(Code::too_large, "the configuration files are too large together", file.text());
  TRY_AT(spend(text.size() / 64), file.text());
  scripts_.push_back(std::make_unique<Script>(file, std::move(text), first_line));
  Script& script = *scripts_.back();
  if (script.had_nul())
    warn(file.text() + ": not a text file: everything between a NUL byte and the end of its line is ignored");

  std::size_t other_trees = 0;
  for (const auto& other : scripts_)
    other_trees += other.get() == &script ? 0 : other->tree_bytes();
  Parser parser(script, other_trees);
  Status status = Status::success;
  while (!interrupted()) {
    auto unit = parser.next_unit();
    if (!unit && unit.error().code() != Code::invalid)
      return std::unexpected(std::move(unit).error());
    if (!unit) {
      warn(unit.error().text());
      status = Status::invalid_command;
      TRY(spend(1));
      continue;
    }
    if (!*unit)
      break;
    status = TRY(run_list(script, **unit));
  }
  drop_if_unused(&script);
  return status;
}

void Interpreter::drop_if_unused(const Script* script) {
  if (script->users == 0)
    std::erase_if(scripts_, [&](const auto& candidate) { return candidate.get() == script; });
}

Result<Status> Interpreter::run_body(const Body& body, std::vector<std::string> parameters) {
  Scope scope{std::move(parameters), 0};
  Scope* const outer = std::exchange(scope_, &scope);
  auto status = run_list(*body.script, body.first);
  scope_ = outer;
  returning_ = false;
  return status;
}

Result<Status> Interpreter::run_configuration(const FilePath& file) {
  TRY(open_context());
  Collected outer = take_collected();
  auto status = run_file(file);
  if (collected_.items.empty()) {
    close_context();
    collected_ = std::move(outer);
  } else if (halt_ == Halt::none) {
    halt(Halt::menu);
  }
  return status;
}

Result<void> Interpreter::open_context() {
  if (contexts_.size() >= limits::contexts)
    return fail(Code::too_large, "submenus and configurations are nested too deeply");
  contexts_.push_back(variables().exported());
  return {};
}

void Interpreter::close_context() {
  if (contexts_.size() > 1)
    contexts_.pop_back();
}

Result<void> Interpreter::define_item(MenuItem item, ItemBody body) {
  std::size_t bytes = sizeof(MenuItem) + sizeof(ItemBody) + item.title.size() + item.id.size() + item.hotkey.size();
  for (const auto* list : {&item.classes, &item.users, &body.arguments})
    for (const std::string& text : *list)
      bytes += sizeof(std::string) + text.size();
  item_bytes_ += bytes;
  if (++item_count_ > limits::items || item_bytes_ > limits::item_bytes)
    return fail(Code::too_large, "the menu has too many entries", item.origin.text());
  ++body.body.script->users;
  collected_.items.push_back(std::move(item));
  collected_.bodies.push_back(std::move(body));
  return {};
}

Result<Status> Interpreter::run_list(Script& script, CommandIndex first) {
  Status status = Status::success;
  for (CommandIndex index = first; index != 0 && !interrupted(); index = script.command(index).next) {
    status = TRY(run_command(script, index));
    status_ = status;
  }
  return status;
}

/// A condition's test.
Result<Status> Interpreter::run_tested(Script& script, CommandIndex first) {
  ++tests_;
  auto status = run_list(script, first);
  --tests_;
  return status;
}

Result<Status> Interpreter::run_command(Script& script, CommandIndex index) {
  const Command& command = script.command(index);
  const Deeper deeper(*this);
  if (deeper.too_deep())
    return fail(Code::too_large, "commands are nested too deeply (endless recursion?)",
                script.origin(command.line).text());
  TRY_AT(spend(1), script.origin(command.line).text());
  switch (command.kind) {
  case Command::Kind::simple: return run_simple(script, command);
  case Command::Kind::condition: return run_condition(script, index);
  case Command::Kind::for_loop: return run_for(script, command);
  case Command::Kind::while_loop:
  case Command::Kind::until_loop: return run_while(script, command);
  case Command::Kind::function: break;
  }
  TRY(define_function(script, command));
  return Status::success;
}

Result<Status> Interpreter::run_condition(Script& script, CommandIndex index) {
  for (;;) {
    const Command& command = script.command(index);
    const Status test = TRY(run_tested(script, command.test));
    if (interrupted())
      return test;
    if (test == Status::success)
      return run_list(script, command.body);
    if (command.otherwise == 0)
      return Status::success;
    // "elif", or an "if" alone in its "else", which is the same: no deeper for it.
    const Command& otherwise = script.command(command.otherwise);
    if (otherwise.kind != Command::Kind::condition || otherwise.next != 0)
      return run_list(script, command.otherwise);
    TRY(spend(1));
    index = command.otherwise;
  }
}

Result<Status> Interpreter::run_for(Script& script, const Command& command) {
  const auto values =
      TRY_AT(expand(script, command.first_word, command.word_count), script.origin(command.line).text());
  const std::string name(script.part(script.word(command.name_word).first_part).view());
  Status status = Status::success;
  ++loops_;
  for (const std::string& value : values) {
    if (breaks_ == 1 && continuing_)
      breaks_ = 0;
    if (interrupted())
      break;
    TRY_AT(variables().set(name, value), script.origin(command.line).text());
    status = TRY(run_list(script, command.body));
  }
  if (breaks_ != 0)
    --breaks_;
  --loops_;
  return status;
}

Result<Status> Interpreter::run_while(Script& script, const Command& command) {
  const bool until = command.kind == Command::Kind::until_loop;
  Status status = Status::success;
  ++loops_;
  for (;;) {
    TRY_AT(spend(1), script.origin(command.line).text());
    status = TRY(run_tested(script, command.test));
    if (interrupted() || (status == Status::success) == until)
      break;
    status = TRY(run_list(script, command.body));
    if (breaks_ == 1 && continuing_)
      breaks_ = 0;
    if (interrupted())
      break;
  }
  if (breaks_ != 0)
    --breaks_;
  --loops_;
  return status;
}

Result<Status> Interpreter::run_simple(Script& script, const Command& command) {
  const std::vector<std::string> words =
      TRY_AT(expand(script, command.first_word, command.word_count), script.origin(command.line).text());
  if (words.empty())
    return Status::success;
  const bool inverted = words[0] == "!";
  Invocation invocation{words[0], std::span(words).subspan(1), Body{&script, command.body}, &script, command.line};
  if (inverted) {
    if (words.size() < 2)
      return complain(invocation, Status::bad_argument, "a command is expected behind it");
    invocation.name = words[1];
    invocation.arguments = std::span(words).subspan(2);
  }
  const Status status = TRY(call(invocation));
  if (!inverted)
    return status;
  return status == Status::success ? Status::test_failure : Status::success;
}

Result<Status> Interpreter::call(const Invocation& invocation) {
  if (const Handler handler = find_command(invocation.name))
    return handler(*this, invocation);
  if (const Body* function = find_function(invocation.name))
    return call_function(*function, invocation.arguments);
  if (const std::size_t equals = invocation.name.find('='); equals != std::string_view::npos)
    return assign(invocation, equals);
  return complain(invocation, Status::unknown_command, "no such command");
}

Result<Status> Interpreter::assign(const Invocation& invocation, std::size_t equals) {
  const std::string_view name = invocation.name.substr(0, equals);
  const bool special = name == "#" || name == "*" || name == "@" || (!name.empty() && name[0] >= '0' && name[0] <= '9');
  if (special)
    return complain(invocation, Status::bad_argument, "not a variable's name", name);
  TRY_AT(variables().set(name, invocation.name.substr(equals + 1)), invocation.place());
  return Status::success;
}

Result<Status> Interpreter::call_function(const Body& body, std::span<const std::string> arguments) {
  const Body callee = body; // the list of functions may move while it runs
  const std::uint64_t outer_loops = std::exchange(loops_, 0);
  auto status = run_body(callee, {arguments.begin(), arguments.end()});
  loops_ = outer_loops;
  return status;
}

const Body* Interpreter::find_function(std::string_view name) const {
  for (const auto& [known, body] : functions_)
    if (known == name)
      return &body;
  return nullptr;
}

Result<void> Interpreter::define_function(Script& script, const Command& command) {
  const std::string_view name = script.part(script.word(command.name_word).first_part).view();
  ++script.users;
  for (auto& [known, body] : functions_)
    if (known == name) {
      body = Body{&script, command.body};
      return {};
    }
  if (functions_.size() >= limits::functions)
    return fail(Code::too_large, "too many functions", script.origin(command.line).text());
  functions_.emplace_back(std::string(name), Body{&script, command.body});
  return {};
}

bool Interpreter::shifted(std::size_t count) {
  if (!scope_)
    return true;
  if (count > scope_->visible().size())
    return false;
  scope_->shifted += count;
  return true;
}

bool Interpreter::set_parameters(std::span<const std::string> parameters) {
  if (!scope_)
    return false;
  std::vector<std::string> copy(parameters.begin(), parameters.end());
  *scope_ = Scope{std::move(copy), 0};
  return true;
}

void Interpreter::break_loops(std::uint64_t count, bool go_on) {
  breaks_ = std::min(count, loops_);
  continuing_ = go_on;
}

Result<FilePath> Interpreter::path(std::string_view text) {
  return parse_path(text, DeviceName{std::string(variables().get("root"))});
}

void Interpreter::print(std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      if (messages_.size() < limits::messages)
        messages_.push_back(printable(message_line_, limits::message_bytes));
      message_line_.clear();
    } else if (message_line_.size() < limits::message_bytes) {
      message_line_ += c;
    }
  }
  if (!printing_)
    return;
  std::string shown;
  for (const char c : text) {
    if (c == '\n' || c == '\t')
      shown += c;
    else
      shown += printable({&c, 1});
  }
  environment_.print(shown);
}

std::vector<std::string> Interpreter::take_messages() {
  if (!message_line_.empty() && messages_.size() < limits::messages)
    messages_.push_back(printable(message_line_, limits::message_bytes));
  message_line_.clear();
  return std::exchange(messages_, {});
}

void Interpreter::warn(std::string_view warning) {
  if (warnings_.size() < limits::messages)
    warnings_.push_back(printable(warning, limits::message_bytes));
  else if (warnings_.size() == limits::messages)
    warnings_.emplace_back("further warnings are left out");
}

Status Interpreter::complain(const Invocation& at, Status status, std::string_view message, std::string_view detail) {
  std::string text = at.place() + ": " + printable(at.name, 80) + ": " + std::string(message);
  if (!detail.empty())
    text += ": " + printable(detail);
  warn(std::move(text));
  return status;
}

Status Interpreter::complain(const Invocation& at, const Error& error) {
  return complain(at, status_of(error), error.text());
}

} // namespace pvboot::config::grub
