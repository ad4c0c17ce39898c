#include "loader/program/chooser.hpp"

#include "base/text.hpp"
#include "loader/discover/find_item.hpp"

namespace pvboot::loader {

namespace {

constexpr std::size_t max_line = 256;
constexpr std::string_view prompt = "pvboot> ";
constexpr Duration key_wait = seconds(3600);
constexpr std::size_t max_shown = 200; // items of the menu

bool is_enter(char c) { return c == '\r' || c == '\n'; }

void show_items(Log& log, const std::vector<config::MenuItem>& items, const std::string& prefix,
                const config::ItemPath& default_item, std::size_t depth, bool on_default_path, std::size_t& shown) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (++shown > max_shown)
      return;
    const config::MenuItem& item = items[i];
    const std::string number = prefix + dec(i);
    const bool here = on_default_path && depth < default_item.size() && default_item[depth] == i;
    const bool is_default = here && depth + 1 == default_item.size();
    log.raw((is_default ? " * " : "   ") + number + std::string(number.size() < 6 ? 6 - number.size() : 1, ' ') +
            std::string(depth * 2, ' ') + printable(item.title, 100) + "\n");
    if (item.submenu)
      show_items(log, item.items, number + ">", default_item, depth + 1, here, shown);
  }
}

} // namespace

bool Chooser::count_down(const config::MenuItem& item, std::optional<std::uint32_t> timeout,
                         config::TimeoutStyle style) {
  const std::string title = printable(item.title, 100);
  if (!timeout) {
    log_.say("no timeout is set: waiting at the menu");
    return false;
  }
  const bool visible = style != config::TimeoutStyle::hidden && *timeout != 0;
  std::string line;
  for (std::uint32_t left = *timeout;; --left) {
    if (visible) {
      line = "\rpvboot: boots '" + title + "' in " + dec(left) + " s; Enter boots now, any other key opens the menu  ";
      log_.raw(line);
    }
    // With no time at all, a key that was typed before still counts.
    const xen::Instant next = clock_.now() + (left == 0 ? Duration{} : seconds(1));
    if (const auto key = attendant_.wait_for_key(next - clock_.now(), line)) {
      if (visible)
        log_.raw("\n");
      return is_enter(*key);
    }
    if (left == 0)
      break;
  }
  if (visible)
    log_.raw("\n");
  return true;
}

std::string Chooser::read_line() {
  std::string line;
  for (;;) {
    const auto key = attendant_.wait_for_key(key_wait, std::string(prompt) + line);
    if (!key)
      continue;
    const char c = *key;
    if (is_enter(c)) {
      log_.raw("\n");
      return line;
    }
    if ((c == '\b' || c == 0x7f) && !line.empty()) {
      line.pop_back();
      log_.raw("\b \b");
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && line.size() < max_line) {
      line += c;
      log_.raw(std::string_view(&c, 1));
    }
  }
}

Decision Chooser::ask(const config::Menu* menu, const config::ItemPath& default_item, std::string_view where) {
  for (;;) {
    log_.raw("\n");
    if (menu != nullptr) {
      log_.raw("Boot entries of " + printable(where) + ":\n");
      std::size_t shown = 0;
      show_items(log_, menu->items, "", default_item, 0, true, shown);
      if (shown > max_shown)
        log_.raw("   ... more than " + dec(max_shown) + " entries: those that are not shown can be named, too\n");
      log_.raw("Type an entry's number (1>0 for one in a submenu), its title or its id, Enter for the default, or\n");
    } else {
      log_.raw("There is nothing to boot. Type\n");
    }
    log_.raw("r to look at the disks again, b to reboot, p to power off.\n");
    log_.raw(prompt);
    const std::string line = read_line();
    if (line == "r")
      return {Decision::Kind::rescan};
    if (line == "b")
      return {Decision::Kind::reboot};
    if (line == "p")
      return {Decision::Kind::poweroff};
    if (menu == nullptr)
      continue;
    if (line.empty() && !default_item.empty())
      return {Decision::Kind::boot, default_item};
    if (auto item = find_item(*menu, line))
      return {Decision::Kind::boot, *std::move(item)};
    log_.say("no entry is called '" + printable(line) + "'");
  }
}

} // namespace pvboot::loader
