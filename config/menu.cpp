#include "config/entry.hpp"

#include "base/text.hpp"

namespace pvboot::config {

namespace {

/// The step of `words` before the first ">" that is not doubled, with ">>" undone; `words` keeps the rest.
std::string take_step(std::string_view& words) {
  std::string step;
  std::size_t at = 0;
  for (; at < words.size(); ++at) {
    if (words[at] == '>') {
      if (at + 1 == words.size() || words[at + 1] != '>')
        break;
      ++at;
    }
    step += words[at];
  }
  words.remove_prefix(at < words.size() ? at + 1 : at);
  return step;
}

/// The number that `step` begins with, as far as there is one.
std::optional<std::uint64_t> leading_number(std::string_view step) {
  std::size_t digits = 0;
  while (digits < step.size() && step[digits] >= '0' && step[digits] <= '9')
    ++digits;
  return parse_number(step.substr(0, digits));
}

/// A whole number is an index; else a title or an id; else the number that a name begins with, where that is meant.
std::optional<std::uint32_t> find_step(const std::vector<MenuItem>& items, std::string_view step,
                                       Menu::LeadingNumber number) {
  std::optional<std::uint64_t> index = parse_number(step);
  if (!index)
    for (std::size_t i = 0; i < items.size(); ++i)
      if (items[i].title == step || items[i].id == step)
        return static_cast<std::uint32_t>(i);
  if (!index && number == Menu::LeadingNumber::is_meant)
    index = leading_number(step);
  if (!index || *index >= items.size())
    return std::nullopt;
  return static_cast<std::uint32_t>(*index);
}

/// Follows `words` down to an item that is no submenu; what is left when one is reached is ignored. With
/// `first_if_unknown`, a step that names nothing, or no step at all, stands for the first item of its level.
std::optional<ItemPath> walk(const std::vector<MenuItem>& top, std::string_view words, Menu::LeadingNumber number,
                             bool first_if_unknown) {
  ItemPath path;
  const std::vector<MenuItem>* level = &top;
  while (!level->empty()) {
    std::optional<std::uint32_t> index;
    if (!words.empty())
      index = find_step(*level, take_step(words), number);
    else if (!path.empty())
      index = 0;
    if (!index && !first_if_unknown)
      return std::nullopt;
    path.push_back(index.value_or(0));
    const MenuItem& item = (*level)[path.back()];
    if (!item.submenu)
      return path;
    level = &item.items;
  }
  return std::nullopt;
}

/// Down to the first item that is no submenu.
bool find_first(const std::vector<MenuItem>& items, ItemPath& path) {
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    path.push_back(i);
    if (!items[i].submenu || find_first(items[i].items, path))
      return true;
    path.pop_back();
  }
  return false;
}

} // namespace

std::string Origin::text() const { return line == 0 ? file.text() : file.text() + ":" + dec(line); }

std::string_view name(EntryKind kind) {
  switch (kind) {
  case EntryKind::linux: return "linux";
  case EntryKind::multiboot: return "multiboot";
  case EntryKind::kernel: return "kernel";
  case EntryKind::chainloader: return "chainloader";
  case EntryKind::configuration: return "configuration";
  case EntryKind::reboot: return "reboot";
  case EntryKind::poweroff: return "poweroff";
  }
  return "unknown";
}

const MenuItem* Menu::at(const ItemPath& path) const {
  const std::vector<MenuItem>* level = &items;
  const MenuItem* item = nullptr;
  for (const std::uint32_t index : path) {
    if (index >= level->size())
      return nullptr;
    item = &(*level)[index];
    level = &item->items;
  }
  return item;
}

std::optional<ItemPath> Menu::find(std::string_view words, LeadingNumber number) const {
  return walk(items, words, number, false);
}

ItemPath Menu::default_for(std::string_view words) const {
  if (auto path = walk(items, words, LeadingNumber::is_meant, true))
    return *std::move(path);
  ItemPath first;
  find_first(items, first);
  return first;
}

} // namespace pvboot::config
