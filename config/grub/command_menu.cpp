// `menuentry` and `submenu`: a title, options, and a block that is kept until the item is chosen.

#include "config/grub/commands.hpp"

namespace pvboot::config::grub {

namespace {

enum ItemOption : std::size_t { item_class, item_users, item_hotkey, item_source, item_id, item_unrestricted };

constexpr OptionSpec item_options[] = {
    {"class", 0, OptionSpec::Value::required},  {"users", 0, OptionSpec::Value::required},
    {"hotkey", 0, OptionSpec::Value::required}, {"source", 0, OptionSpec::Value::required},
    {"id", 0, OptionSpec::Value::required},     {"unrestricted"},
};

Result<Status> define(Interpreter& interpreter, const Invocation& invocation, bool submenu) {
  auto parsed = parse_arguments(item_options, invocation.arguments, true);
  if (!parsed)
    return interpreter.complain(invocation, parsed.error());
  if (parsed->words.empty())
    return interpreter.complain(invocation, Status::menu, "a title is expected");
  if (parsed->has(item_source))
    return interpreter.complain(invocation, Status::not_implemented, "--source is not supported, use a block");
  if (invocation.block.first == 0)
    return interpreter.complain(invocation, Status::bad_argument, "a block is expected");

  MenuItem item;
  item.title = parsed->words.front();
  const std::string* id = parsed->value(item_id);
  item.id = id ? *id : item.title;
  for (const auto& given : parsed->options)
    if (given.option == item_class)
      item.classes.push_back(*given.value);
  const std::string* users = parsed->value(item_users);
  if (users)
    item.users = words_of(*users, user_separators);
  item.unrestricted = !users && parsed->has(item_unrestricted);
  if (const std::string* hotkey = parsed->value(item_hotkey))
    item.hotkey = *hotkey;
  item.origin = invocation.script->origin(invocation.line);
  item.submenu = submenu;
  TRY(interpreter.define_item(std::move(item), ItemBody{invocation.block, std::move(parsed->words)}));
  return Status::success;
}

} // namespace

Result<Status> run_menuentry(Interpreter& interpreter, const Invocation& invocation) {
  return define(interpreter, invocation, false);
}

Result<Status> run_submenu(Interpreter& interpreter, const Invocation& invocation) {
  return define(interpreter, invocation, true);
}

} // namespace pvboot::config::grub
