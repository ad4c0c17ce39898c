// `regexp [--set [NUMBER:]VARIABLE]... PATTERN TEXT`: success when TEXT has a match; groups go into variables.

#include "base/text.hpp"
#include "config/grub/commands.hpp"
#include "config/grub/regular_expression.hpp"

namespace pvboot::config::grub {

Result<Status> run_regexp(Interpreter& interpreter, const Invocation& invocation) {
  constexpr OptionSpec specs[] = {{"set", 's', OptionSpec::Value::required}};
  const auto parsed = parse_arguments(specs, invocation.arguments);
  if (!parsed)
    return interpreter.complain(invocation, parsed.error());
  if (parsed->words.size() != 2)
    return interpreter.complain(invocation, Status::bad_argument, "a pattern and a text are expected");
  const std::string& text = parsed->words[1];
  const auto expression = RegularExpression::compile(parsed->words[0]);
  if (!expression) {
    interpreter.complain(invocation, expression.error());
    return Status::test_failure;
  }
  TRY_AT(interpreter.spend(expression->program_size() * (text.size() + 1) / 64), invocation.place());
  const auto match = expression->search(text);
  if (!match)
    return Status::test_failure;

  for (const auto& given : parsed->options) {
    std::string_view variable = *given.value;
    std::uint64_t group = 1;
    if (const std::size_t colon = variable.find(':'); colon != std::string_view::npos) {
      const auto number = parse_number(variable.substr(0, colon));
      if (!number)
        return interpreter.complain(invocation, Status::bad_argument, "not a group's number", variable);
      group = *number;
      variable.remove_prefix(colon + 1);
    }
    if (group >= match->size() || (*match)[group].first == std::string_view::npos) {
      interpreter.variables().unset(variable);
      continue;
    }
    const auto [from, to] = (*match)[group];
    TRY_AT(interpreter.variables().set(variable, std::string_view(text).substr(from, to - from)), invocation.place());
  }
  return Status::success;
}

} // namespace pvboot::config::grub
