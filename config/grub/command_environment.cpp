// `load_env`, `save_env`, `list_env`: variables from and to a grubenv file, by default $prefix/grubenv.
//
// With writes off, `save_env` does all but the writing and succeeds, so that a listing takes the same way as the boot.

#include "config/grub/commands.hpp"
#include "config/grub/environment_block.hpp"

#include <algorithm>

namespace pvboot::config::grub {

namespace {

enum BlockOption : std::size_t { block_file, skip_signature };

constexpr OptionSpec block_options[] = {{"file", 'f', OptionSpec::Value::required}, {"skip-sig", 's'}};

enum class Names : std::uint8_t { optional, required };

struct OpenBlock {
  FilePath file;
  EnvironmentBlock block;
  std::vector<std::string> names; ///< of the variables that are meant
};

/// The block that a command's words speak of.
Result<OpenBlock> open_block(Interpreter& interpreter, const Invocation& invocation, Names names) {
  ParsedArguments parsed = TRY(parse_arguments(block_options, invocation.arguments));
  if (names == Names::required && parsed.words.empty())
    return fail(Code::invalid, "a variable's name is expected");
  const std::string* given = parsed.value(block_file);
  const std::string name = given ? *given : std::string(interpreter.variables().get("prefix")) + "/grubenv";
  FilePath file = TRY(interpreter.path(name));
  const std::string content = TRY_AT(interpreter.environment().read(file, EnvironmentBlock::max_bytes), file.text());
  TRY(interpreter.spend(content.size() / 64));
  EnvironmentBlock block = TRY_AT(EnvironmentBlock::parse(content), file.text());
  return OpenBlock{std::move(file), std::move(block), std::move(parsed.words)};
}

} // namespace

Result<Status> run_load_env(Interpreter& interpreter, const Invocation& invocation) {
  const auto open = open_block(interpreter, invocation, Names::optional);
  if (!open)
    return interpreter.complain(invocation, open.error());
  const auto& wanted = open->names;
  for (const auto& [name, value] : open->block.variables())
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      TRY_AT(interpreter.variables().set(name, value), invocation.place());
  return Status::success;
}

Result<Status> run_list_env(Interpreter& interpreter, const Invocation& invocation) {
  const auto open = open_block(interpreter, invocation, Names::optional);
  if (!open)
    return interpreter.complain(invocation, open.error());
  for (const auto& [name, value] : open->block.variables())
    interpreter.print(std::string(name).append("=").append(value).append("\n"));
  return Status::success;
}

Result<Status> run_save_env(Interpreter& interpreter, const Invocation& invocation) {
  auto open = open_block(interpreter, invocation, Names::required);
  if (!open)
    return interpreter.complain(invocation, open.error());
  for (const std::string& name : open->names) {
    if (!interpreter.variables().has(name)) {
      open->block.remove(name);
      continue;
    }
    if (const auto fits = open->block.set(name, interpreter.variables().get(name)); !fits)
      return interpreter.complain(invocation, fits.error());
  }
  if (interpreter.writes() == WritePolicy::off)
    return Status::success;
  const std::string text = open->block.text();
  if (const auto written = interpreter.environment().write_in_place(open->file, 0, as_bytes(text)); !written) {
    interpreter.complain(invocation, written.error());
    return Status::write_error;
  }
  return Status::success;
}

} // namespace pvboot::config::grub
