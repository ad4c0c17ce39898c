// The variables of one context: names, values, and which of them a new context inherits.
//
// A value-type, so that a menu can be listed and an entry resolved on a copy. Bounded by limits::variables and
// limits::variable_bytes. As in GRUB, `root` loses parentheses around it when it is set.
#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::config::grub {

class Variables {
public:
  struct Variable {
    std::string name;
    std::string value;
    bool exported = false;
  };

  /// The value; an unset variable reads as empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  /// Code::too_large over a bound; nothing has changed then.
  Result<void> set(std::string_view name, std::string_view value);
  /// Marks a variable for new contexts; one that is not set becomes an empty one.
  Result<void> export_variable(std::string_view name);
  void unset(std::string_view name);

  /// What a new context begins with.
  Variables exported() const;

  const std::vector<Variable>& all() const { return sorted_; } ///< by name

private:
  const Variable* find(std::string_view name) const;

  std::vector<Variable> sorted_;
  std::size_t bytes_ = 0;
};

} // namespace pvboot::config::grub
