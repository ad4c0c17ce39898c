#include "config/grub/grub_configuration.hpp"

#include "base/text.hpp"
#include "config/grub/limits.hpp"

namespace pvboot::config::grub {

namespace {

/// What GRUB for PV guests sets and exports before it reads anything.
constexpr std::pair<std::string_view, std::string_view> initial_variables[] = {
    {"grub_cpu", "x86_64"},
    {"grub_platform", "xen"},
    {"feature_chainloader_bpb", "y"},
    {"feature_ntldr", "y"},
    {"feature_platform_search_hint", "y"},
    {"feature_default_font_path", "y"},
    {"feature_all_video_module", "y"},
    {"feature_menuentry_id", "y"},
    {"feature_menuentry_options", "y"},
    {"feature_200_final", "y"},
    {"feature_nativedisk_cmd", "y"},
    {"feature_timeout_style", "y"},
    {"color_normal", "light-gray/black"},
    {"color_highlight", "black/light-gray"},
    {"pager", ""},
    {"check_signatures", "no"},
};

/// An id as a step of `default` and `chosen`.
std::string as_step(std::string_view id) {
  std::string step;
  for (const char c : id) {
    if (c == '>')
      step += '>';
    step += c;
  }
  return step;
}

/// What is left of `default` behind its first step.
std::string_view rest_of_path(std::string_view words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != '>')
      continue;
    if (i + 1 < words.size() && words[i + 1] == '>')
      ++i;
    else
      return words.substr(i + 1);
  }
  return {};
}

/// The whole number at the start of a text, as GRUB reads `timeout`; nothing for "-1" and the like.
std::optional<std::uint32_t> seconds_of(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9')
    ++digits;
  const auto number = parse_number(text.substr(0, digits));
  if (!number || *number > 0x7fffffff)
    return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

} // namespace

Result<std::unique_ptr<Configuration>> GrubConfiguration::read(Environment& environment, const FilePath& file,
                                                               std::string text, const ReadOptions& options) {
  auto configuration = std::make_unique<GrubConfiguration>(environment, options.max_steps);
  TRY(configuration->run(file, std::move(text), options));
  return configuration;
}

Result<void> GrubConfiguration::run(const FilePath& file, std::string text, const ReadOptions& options) {
  TRY(set_initial_variables(file, options));
  interpreter_.prepare(Mode::reading, options.writes, true);
  const auto status = interpreter_.run_text(file, std::move(text));
  Collected collected = interpreter_.take_collected();
  if (!status) {
    // What came before the bound is a menu all the same.
    if (collected.items.empty())
      return std::unexpected(status.error());
    interpreter_.warn(status.error().text());
  }
  menu_.items = std::move(collected.items);
  bodies_ = std::move(collected.bodies);
  if (interpreter_.halted() == Halt::boot)
    immediate_ = std::move(interpreter_.loaded());
  menu_.messages = interpreter_.take_messages();
  base_ = interpreter_.snapshot();
  interpreter_.restore(base_);

  interpreter_.prepare(Mode::reading, WritePolicy::off, false);
  list_submenus(menu_.items, bodies_);
  interpreter_.take_messages();
  interpreter_.restore(base_);
  read_menu_variables();
  if (immediate_)
    add_immediate_entry();
  if (menu_.items.empty())
    interpreter_.warn(file.text() + ": there is no menu entry in it");
  menu_.warnings = interpreter_.take_warnings();
  return {};
}

Result<void> GrubConfiguration::set_initial_variables(const FilePath& file, const ReadOptions& options) {
  Variables& variables = interpreter_.variables();
  const auto set = [&](std::string_view name, std::string_view value) -> Result<void> {
    TRY(variables.set(name, value));
    return variables.export_variable(name);
  };
  for (const auto& [name, value] : initial_variables)
    TRY(set(name, value));
  TRY(set("root", file.device.text));
  TRY(set("prefix", file.directory()));
  TRY(set("config_file", file.text()));
  TRY(set("config_directory", file.directory()));
  for (const auto& [name, value] : options.variables)
    TRY(set(name, value));
  return {};
}

/// Fills in the items of every submenu. One that fails stays empty, with a warning.
void GrubConfiguration::list_submenus(std::vector<MenuItem>& items, const std::vector<ItemBody>& bodies) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].submenu)
      continue;
    const Interpreter::Snapshot outside = interpreter_.snapshot();
    const std::size_t scripts_before = interpreter_.script_count();
    if (const auto entered = enter_submenu(items[i], bodies[i]); !entered)
      interpreter_.warn(entered.error().text());
    Collected inside = interpreter_.take_collected();
    interpreter_.halt(Halt::none);
    items[i].items = std::move(inside.items);
    list_submenus(items[i].items, inside.bodies);
    interpreter_.restore(outside);
    interpreter_.forget_scripts(scripts_before);
  }
}

/// A new context in which the submenu's block has run; its items are collected.
Result<void> GrubConfiguration::enter_submenu(const MenuItem& item, const ItemBody& body) {
  TRY_AT(interpreter_.open_context(), item.origin.text());
  TRY(choose(item));
  TRY(interpreter_.run_body(body.body, body.arguments));
  return {};
}

/// `chosen` and `default` as a chosen item sees them.
Result<void> GrubConfiguration::choose(const MenuItem& item) {
  Variables& variables = interpreter_.variables();
  std::string chosen(variables.get("chosen"));
  chosen += (chosen.empty() ? "" : ">") + as_step(item.id);
  TRY_AT(variables.set("chosen", chosen), item.origin.text());
  TRY(variables.export_variable("chosen"));
  const std::string rest(rest_of_path(variables.get("default")));
  if (rest.empty())
    variables.unset("default");
  else
    TRY_AT(variables.set("default", rest), item.origin.text());
  return {};
}

void GrubConfiguration::read_menu_variables() {
  const Variables& variables = interpreter_.variables();
  menu_.default_item = menu_.default_for(variables.get("default"));
  read_fallbacks();
  menu_.timeout = seconds_of(variables.get("timeout"));
  const std::string_view style = variables.get("timeout_style");
  if (style == "countdown")
    menu_.timeout_style = TimeoutStyle::countdown;
  else if (style == "hidden")
    menu_.timeout_style = TimeoutStyle::hidden;
  menu_.superusers = words_of(variables.get("superusers"), user_separators);
}

/// One title or id, or a list of numbers and paths.
void GrubConfiguration::read_fallbacks() {
  const std::string text(interpreter_.variables().get("fallback"));
  const auto numeric = [](const std::string& word) { return word[0] >= '0' && word[0] <= '9'; };
  const auto words = words_of(text, " \t\n");
  if (!words.empty() && !numeric(words[0]))
    if (const auto item = menu_.find(text)) {
      menu_.fallbacks.push_back(*item);
      return;
    }
  for (const std::string& word : words) {
    if (const auto item = menu_.find(word))
      menu_.fallbacks.push_back(*item);
    else
      interpreter_.warn("fallback: there is no entry \"" + printable(word, 80) + "\"");
  }
}

/// A program that says `boot` itself has no menu to wait at: what it has loaded becomes the default.
void GrubConfiguration::add_immediate_entry() {
  MenuItem item;
  item.title = immediate_->kernel.text();
  item.id = "boot";
  item.origin = Origin{immediate_->kernel, 0};
  item.unrestricted = true;
  menu_.items.push_back(std::move(item));
  menu_.default_item = {static_cast<std::uint32_t>(menu_.items.size() - 1)};
  menu_.timeout = 0;
}

Result<Entry> GrubConfiguration::resolve(const ItemPath& path, WritePolicy writes) {
  const MenuItem* item = menu_.at(path);
  if (!item || item->submenu)
    return fail(Code::invalid, item ? "a submenu is no entry" : "there is no such entry");
  interpreter_.restore(base_);
  interpreter_.refill();
  interpreter_.take_messages();
  interpreter_.take_warnings();
  if (immediate_ && path.size() == 1 && path[0] + 1 == menu_.items.size()) {
    interpreter_.loaded() = immediate_;
    return finish(*item);
  }

  const std::size_t scripts_before = interpreter_.script_count();
  interpreter_.prepare(Mode::reading, WritePolicy::off, false);
  std::vector<ItemBody> bodies = bodies_;
  const auto go = [&]() -> Result<void> {
    ItemPath here;
    for (std::size_t level = 0; level + 1 < path.size(); ++level) {
      here.push_back(path[level]);
      if (path[level] >= bodies.size())
        return fail(Code::not_found, "the submenu is another one now", item->origin.text());
      TRY(enter_submenu(*menu_.at(here), bodies[path[level]]));
      bodies = interpreter_.take_collected().bodies;
      interpreter_.halt(Halt::none);
    }
    if (path.back() >= bodies.size())
      return fail(Code::not_found, "the entry is not there any more", item->origin.text());
    TRY(choose(*item));
    interpreter_.prepare(Mode::booting, writes, writes == WritePolicy::on);
    interpreter_.take_warnings();
    TRY(interpreter_.run_body(bodies[path.back()].body, bodies[path.back()].arguments));
    return {};
  };
  const auto went = go();
  auto entry = went ? finish(*item) : Result<Entry>(std::unexpected(went.error()));
  interpreter_.restore(base_);
  interpreter_.forget_scripts(scripts_before);
  return entry;
}

/// What the block has brought about, as an Entry.
Result<Entry> GrubConfiguration::finish(const MenuItem& item) {
  Entry entry;
  entry.title = item.title;
  entry.id = item.id;
  entry.origin = item.origin;
  entry.warnings = interpreter_.take_warnings();
  switch (interpreter_.halted()) {
  case Halt::reboot: entry.kind = EntryKind::reboot; return entry;
  case Halt::poweroff: entry.kind = EntryKind::poweroff; return entry;
  case Halt::exit: return fail(Code::unsupported, "the entry leaves the boot loader", item.origin.text());
  case Halt::none:
  case Halt::boot:
  case Halt::menu: break;
  }
  std::optional<Loaded>& loaded = interpreter_.loaded();
  if (!loaded) {
    if (interpreter_.load_failure())
      return std::unexpected(std::move(*interpreter_.load_failure()));
    return fail(Code::unsupported, "the entry loads no kernel", item.origin.text());
  }
  if (loaded->broken)
    return std::unexpected(std::move(*loaded->broken));
  entry.kind = loaded->kind;
  entry.kernel = std::move(loaded->kernel);
  entry.command_line = std::move(loaded->command_line);
  entry.initrds = std::move(loaded->initrds);
  entry.modules = std::move(loaded->modules);
  return entry;
}

} // namespace pvboot::config::grub
