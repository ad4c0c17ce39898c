#include "config/grub/variables.hpp"

#include "config/grub/limits.hpp"

#include <algorithm>

namespace pvboot::config::grub {

namespace {

bool comes_before(const Variables::Variable& variable, std::string_view name) { return variable.name < name; }

std::string_view without_parentheses(std::string_view value) {
  if (value.size() >= 2 && value.front() == '(' && value.back() == ')')
    return value.substr(1, value.size() - 2);
  return value;
}

} // namespace

const Variables::Variable* Variables::find(std::string_view name) const {
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), name, comes_before);
  return at != sorted_.end() && at->name == name ? &*at : nullptr;
}

std::string_view Variables::get(std::string_view name) const {
  const Variable* variable = find(name);
  return variable ? std::string_view(variable->value) : std::string_view();
}

Result<void> Variables::set(std::string_view name, std::string_view value) {
  if (name == "root")
    value = without_parentheses(value);
  auto at = std::lower_bound(sorted_.begin(), sorted_.end(), name, comes_before);
  const bool exists = at != sorted_.end() && at->name == name;
  const std::size_t old_bytes = exists ? at->value.size() : 0;
  const std::size_t new_bytes = value.size() + (exists ? 0 : name.size());
  if (value.size() > limits::string_bytes || bytes_ - old_bytes + new_bytes > limits::variable_bytes)
    return fail(Code::too_large, "the variables take too much memory");
  if (!exists && sorted_.size() >= limits::variables)
    return fail(Code::too_large, "too many variables");
  bytes_ = bytes_ - old_bytes + new_bytes;
  if (exists)
    at->value = value;
  else
    sorted_.insert(at, Variable{std::string(name), std::string(value), false});
  return {};
}

Result<void> Variables::export_variable(std::string_view name) {
  if (!has(name))
    TRY(set(name, ""));
  std::lower_bound(sorted_.begin(), sorted_.end(), name, comes_before)->exported = true;
  return {};
}

void Variables::unset(std::string_view name) {
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), name, comes_before);
  if (at == sorted_.end() || at->name != name)
    return;
  bytes_ -= at->name.size() + at->value.size();
  sorted_.erase(at);
}

Variables Variables::exported() const {
  Variables result;
  for (const Variable& variable : sorted_) {
    if (!variable.exported)
      continue;
    result.bytes_ += variable.name.size() + variable.value.size();
    result.sorted_.push_back(variable);
  }
  return result;
}

} // namespace pvboot::config::grub
