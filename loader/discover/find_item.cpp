#include "loader/discover/find_item.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

namespace {

bool find_below(const std::vector<config::MenuItem>& items, std::string config::MenuItem::* field,
                std::string_view words, config::ItemPath& path) {
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    path.push_back(i);
    const bool found = items[i].submenu ? find_below(items[i].items, field, words, path) : items[i].*field == words;
    if (found)
      return true;
    path.pop_back();
  }
  return false;
}

} // namespace

std::optional<config::ItemPath> find_item(const config::Menu& menu, std::string_view words) {
  if (auto found = menu.find(words, config::Menu::LeadingNumber::is_none))
    return found;
  for (const auto field : {&config::MenuItem::id, &config::MenuItem::title}) {
    config::ItemPath path;
    if (find_below(menu.items, field, words, path))
      return path;
  }
  return std::nullopt;
}

std::string item_number(const config::ItemPath& path) {
  std::string text;
  for (const std::uint32_t index : path)
    text += (text.empty() ? "" : ">") + dec(index);
  return text;
}

} // namespace pvboot::loader
