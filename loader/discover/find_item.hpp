// Which item of a menu a person means.
#pragma once

#include "config/entry.hpp"

#include <optional>
#include <string_view>

namespace pvboot::loader {

/// What the configuration's own language would find (Menu::find), but nothing by the number that another name begins
/// with; else the first item, in whatever submenu, with this id or, failing that, this title.
std::optional<config::ItemPath> find_item(const config::Menu& menu, std::string_view words);

/// "1>0": an item's number as find_item() takes it.
std::string item_number(const config::ItemPath& path);

} // namespace pvboot::loader
