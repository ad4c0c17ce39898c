#include "config/grub/commands.hpp"

#include "base/text.hpp"
#include "config/grub/calendar.hpp"
#include "config/grub/limits.hpp"

#include <algorithm>

namespace pvboot::config::grub {

namespace {

Result<Status> succeed(Interpreter&, const Invocation&) { return Status::success; }
Result<Status> run_false(Interpreter&, const Invocation&) { return Status::test_failure; }
/// For what a guest without graphics, keyboard or firmware can't do.
Result<Status> unavailable(Interpreter&, const Invocation&) { return Status::bad_argument; }

Result<Status> run_set(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.empty()) {
    for (const auto& variable : interpreter.variables().all())
      interpreter.print(variable.name + "=" + variable.value + "\n");
    return Status::success;
  }
  const std::string_view word = invocation.arguments[0];
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos)
    return interpreter.complain(invocation, Status::bad_argument, "not an assignment", word);
  TRY_AT(interpreter.variables().set(word.substr(0, equals), word.substr(equals + 1)), invocation.place());
  return Status::success;
}

Result<Status> run_unset(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a variable's name is expected");
  interpreter.variables().unset(invocation.arguments[0]);
  return Status::success;
}

Result<Status> run_export(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a variable's name is expected");
  for (const std::string& name : invocation.arguments)
    TRY_AT(interpreter.variables().export_variable(name), invocation.place());
  return Status::success;
}

Result<Status> leave_loops(Interpreter& interpreter, const Invocation& invocation, bool go_on) {
  std::optional<std::uint64_t> count = 1;
  if (invocation.arguments.size() == 1)
    count = parse_number(invocation.arguments[0]);
  if (!count)
    return interpreter.complain(invocation, Status::bad_number, "a number of loops is expected");
  if (invocation.arguments.size() > 1 || *count == 0)
    return interpreter.complain(invocation, Status::bad_argument, "one number of loops is expected, from 1 on");
  interpreter.break_loops(*count, go_on);
  return Status::success;
}

Result<Status> run_break(Interpreter& interpreter, const Invocation& invocation) {
  return leave_loops(interpreter, invocation, false);
}

Result<Status> run_continue(Interpreter& interpreter, const Invocation& invocation) {
  return leave_loops(interpreter, invocation, true);
}

Result<Status> run_return(Interpreter& interpreter, const Invocation& invocation) {
  if (!interpreter.in_function() || invocation.arguments.size() > 1)
    return interpreter.complain(invocation, Status::bad_argument, "not in a function");
  Status status = interpreter.last_status();
  if (!invocation.arguments.empty()) {
    const auto number = parse_number(invocation.arguments[0]);
    if (!number)
      return interpreter.complain(invocation, Status::bad_number, "a number is expected");
    status = static_cast<Status>(*number & 0x7fffffff);
  }
  interpreter.return_from_function();
  return status;
}

Result<Status> run_shift(Interpreter& interpreter, const Invocation& invocation) {
  std::optional<std::uint64_t> count = 1;
  if (!invocation.arguments.empty())
    count = parse_number(invocation.arguments[0]);
  if (invocation.arguments.size() > 1 || !count || !interpreter.shifted(*count))
    return Status::bad_argument;
  return Status::success;
}

Result<Status> run_setparams(Interpreter& interpreter, const Invocation& invocation) {
  return interpreter.set_parameters(invocation.arguments) ? Status::success : Status::invalid_command;
}

Result<Status> run_eval(Interpreter& interpreter, const Invocation& invocation) {
  std::string text;
  for (const std::string& word : invocation.arguments)
    text += (text.empty() ? "" : " ") + word;
  return interpreter.run_text(invocation.script->file(), std::move(text), invocation.line);
}

/// As GRUB's: what happens in the file, or that it is missing, is not the status.
Result<Status> run_source(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.size() != 1)
    return interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  const auto file = interpreter.path(invocation.arguments[0]);
  if (!file)
    interpreter.complain(invocation, file.error());
  else
    TRY_AT(interpreter.run_file(*file), invocation.place());
  return Status::success;
}

/// Another menu. For an entry it is what the entry boots.
Result<Status> open_menu(Interpreter& interpreter, const Invocation& invocation, std::string_view name) {
  auto file = interpreter.path(name);
  if (!file)
    return interpreter.complain(invocation, file.error());
  if (interpreter.mode() == Mode::reading) {
    TRY_AT(interpreter.run_configuration(*file), invocation.place());
    return Status::success;
  }
  if (const auto found = interpreter.environment().stat(*file); !found)
    return interpreter.complain(invocation, found.error());
  Loaded loaded;
  loaded.kind = EntryKind::configuration;
  loaded.kernel = std::move(*file);
  interpreter.loaded() = std::move(loaded);
  interpreter.halt(Halt::menu);
  return Status::success;
}

Result<Status> run_configfile(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.size() != 1)
    return interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  return open_menu(interpreter, invocation, invocation.arguments[0]);
}

Result<Status> run_normal(Interpreter& interpreter, const Invocation& invocation) {
  if (!invocation.arguments.empty())
    return open_menu(interpreter, invocation, invocation.arguments[0]);
  return open_menu(interpreter, invocation, interpreter.value_of("prefix") + "/grub.cfg");
}

/// With -e: the escapes of C. "\c" holds the newline back.
void append_unescaped(std::string& out, std::string_view text, bool& newline) {
  constexpr std::string_view letters = "\\afnrtv";
  constexpr std::string_view bytes = "\\\a\f\n\r\t\v";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size())
      return;
    if (const std::size_t which = letters.find(text[i]); which != std::string_view::npos)
      out += bytes[which];
    newline = newline && text[i] != 'c';
  }
}

Result<Status> run_echo(Interpreter& interpreter, const Invocation& invocation) {
  constexpr OptionSpec specs[] = {{{}, 'n'}, {{}, 'e'}};
  // Options count only before the first word.
  auto words = invocation.arguments;
  bool newline = true;
  bool escapes = false;
  while (!words.empty() && words[0].size() > 1 && words[0][0] == '-' &&
         words[0].find_first_not_of("ne", 1) == std::string::npos) {
    const auto parsed = parse_arguments(specs, words.first(1), true);
    newline = newline && parsed && !parsed->has(0);
    escapes = escapes || (parsed && parsed->has(1));
    words = words.subspan(1);
  }
  if (!words.empty() && words[0] == "--")
    words = words.subspan(1);
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0)
      text += ' ';
    if (escapes)
      append_unescaped(text, words[i], newline);
    else
      text += words[i];
  }
  if (newline)
    text += '\n';
  interpreter.print(text);
  return Status::success;
}

Result<Status> run_cat(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  const auto file = interpreter.path(invocation.arguments.back());
  if (!file)
    return interpreter.complain(invocation, file.error());
  const auto text = interpreter.environment().read(*file, limits::string_bytes);
  if (!text)
    return interpreter.complain(invocation, text.error());
  TRY_AT(interpreter.spend(text->size() / 64), invocation.place());
  interpreter.print(*text);
  return Status::success;
}

Result<Status> run_date(Interpreter& interpreter, const Invocation& invocation) {
  if (!invocation.arguments.empty())
    return interpreter.complain(invocation, Status::not_implemented, "the clock can't be set");
  interpreter.print(date_line(calendar_time(interpreter.environment().unix_time())) + "\n");
  return Status::success;
}

/// A console is there; nothing else is.
Result<Status> run_terminal(Interpreter&, const Invocation& invocation) {
  for (std::string_view word : invocation.arguments) {
    if (word.starts_with("--"))
      continue;
    if (!word.ends_with("console"))
      return Status::bad_argument;
  }
  return Status::success;
}

/// A font can be loaded wherever its file is, even if nothing will show it.
Result<Status> run_loadfont(Interpreter& interpreter, const Invocation& invocation) {
  if (invocation.arguments.empty())
    return Status::bad_argument;
  for (const std::string& word : invocation.arguments) {
    const bool is_path = word.starts_with('/') || word.starts_with('(');
    const auto file = interpreter.path(is_path ? word : interpreter.value_of("prefix") + "/fonts/" + word + ".pf2");
    if (!file || !interpreter.environment().stat(*file))
      return Status::file_not_found;
  }
  return Status::success;
}

/// Without superusers there is nobody to ask for.
Result<Status> run_authenticate(Interpreter& interpreter, const Invocation&) {
  return interpreter.variables().get("superusers").empty() ? Status::success : Status::access_denied;
}

Result<Status> run_blscfg(Interpreter& interpreter, const Invocation& invocation) {
  return interpreter.complain(invocation, Status::not_implemented,
                              "entries in /boot/loader/entries are not read from grub.cfg; they are missing here");
}

Result<Status> run_boot(Interpreter& interpreter, const Invocation& invocation) {
  if (!interpreter.loaded())
    return interpreter.complain(invocation, Status::bad_argument, "there is no kernel to start");
  interpreter.halt(Halt::boot);
  return Status::success;
}

Result<Status> run_reboot(Interpreter& interpreter, const Invocation&) {
  interpreter.halt(Halt::reboot);
  return Status::success;
}

Result<Status> run_halt(Interpreter& interpreter, const Invocation&) {
  interpreter.halt(Halt::poweroff);
  return Status::success;
}

Result<Status> run_exit(Interpreter& interpreter, const Invocation&) {
  interpreter.halt(Halt::exit);
  return Status::success;
}

struct TableEntry {
  std::string_view name;
  Handler handler;
};

constexpr TableEntry table[] = {
    {".", run_source},
    {"[", run_test},
    {"acpi", unavailable},
    {"authenticate", run_authenticate},
    {"background_color", unavailable},
    {"background_image", unavailable},
    {"blscfg", run_blscfg},
    {"boot", run_boot},
    {"break", run_break},
    {"cat", run_cat},
    {"chainloader", run_chainloader},
    {"clear", succeed},
    {"cmosclean", unavailable},
    {"cmosset", unavailable},
    {"cmostest", unavailable},
    {"configfile", run_configfile},
    {"continue", run_continue},
    {"date", run_date},
    {"drivemap", unavailable},
    {"echo", run_echo},
    {"eval", run_eval},
    {"exit", run_exit},
    {"export", run_export},
    {"false", run_false},
    {"fwsetup", unavailable},
    {"gfxpayload", unavailable},
    {"halt", run_halt},
    {"hwmatch", unavailable},
    {"initrd", run_initrd},
    {"initrd16", run_initrd},
    {"initrdefi", run_initrd},
    {"insmod", succeed},
    {"kernel", run_kernel},
    {"keymap", unavailable},
    {"keystatus", run_false},
    {"linux", run_linux},
    {"linux16", run_linux},
    {"linuxefi", run_linux},
    {"list_env", run_list_env},
    {"load_env", run_load_env},
    {"loadfont", run_loadfont},
    {"lsmod", succeed},
    {"menuentry", run_menuentry},
    {"module", run_module},
    {"module2", run_module},
    {"multiboot", run_multiboot},
    {"multiboot2", run_multiboot},
    {"nativedisk", succeed},
    {"normal", run_normal},
    {"normal_exit", run_exit},
    {"parttool", unavailable},
    {"password", succeed},
    {"password_pbkdf2", succeed},
    {"play", unavailable},
    {"poweroff", run_halt},
    {"probe", run_probe},
    {"reboot", run_reboot},
    {"regexp", run_regexp},
    {"return", run_return},
    {"rmmod", succeed},
    {"save_env", run_save_env},
    {"search", run_search},
    {"search.file", run_search_by_file},
    {"search.fs_label", run_search_by_label},
    {"search.fs_uuid", run_search_by_uuid},
    {"serial", unavailable},
    {"set", run_set},
    {"setparams", run_setparams},
    {"shift", run_shift},
    {"sleep", succeed},
    {"smbios", unavailable},
    {"source", run_source},
    {"submenu", run_submenu},
    {"terminal", run_terminal},
    {"terminal_input", run_terminal},
    {"terminal_output", run_terminal},
    {"test", run_test},
    {"true", succeed},
    {"unset", run_unset},
    {"vbeinfo", unavailable},
    {"videoinfo", unavailable},
    {"xen_hypervisor", run_multiboot},
    {"xen_module", run_module},
};

constexpr bool is_sorted() {
  for (std::size_t i = 1; i < std::size(table); ++i)
    if (!(table[i - 1].name < table[i].name))
      return false;
  return true;
}
static_assert(is_sorted(), "find_command() searches by halves");

} // namespace

Handler find_command(std::string_view name) {
  const auto* end = table + std::size(table);
  const auto* at = std::lower_bound(
      table, end, name, [](const TableEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != end && at->name == name ? at->handler : nullptr;
}

} // namespace pvboot::config::grub
