#include "config/grub/environment_block.hpp"

namespace pvboot::config::grub {

namespace {

constexpr std::string_view signature = "# GRUB Environment Block";

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '\n')
      out += '\\';
    out += c;
  }
  return out;
}

std::string unescaped(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size())
      ++i;
    out += value[i];
  }
  return out;
}

/// The length of the line at the start of `text`, up to its newline; npos when it has none.
std::size_t line_length(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '\n')
      return i;
  }
  return std::string_view::npos;
}

} // namespace

Result<EnvironmentBlock> EnvironmentBlock::parse(std::string_view text) {
  if (text.size() > max_bytes)
    return fail(Code::too_large, "the environment block is too large");
  if (!text.starts_with(signature) || text.size() <= signature.size() || text[signature.size()] != '\n')
    return fail(Code::corrupt, "not an environment block");
  EnvironmentBlock block;
  block.size_ = text.size();
  text.remove_prefix(signature.size() + 1);
  for (;;) {
    // A comment ends at its newline whatever it holds; what has no newline is the filling.
    const std::size_t length = text.starts_with('#') ? text.find('\n') : line_length(text);
    if (length == std::string_view::npos)
      return block;
    block.lines_.emplace_back(text.substr(0, length));
    text.remove_prefix(length + 1);
  }
}

std::vector<std::pair<std::string, std::string>> EnvironmentBlock::variables() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string_view line : lines_) {
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos)
      continue;
    found.emplace_back(line.substr(0, equals), unescaped(line.substr(equals + 1)));
  }
  return found;
}

std::size_t EnvironmentBlock::index_of(std::string_view name) const {
  std::size_t index = 0;
  for (; index < lines_.size(); ++index) {
    const std::string_view line = lines_[index];
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == '=')
      break;
  }
  return index;
}

std::size_t EnvironmentBlock::used() const {
  std::size_t bytes = signature.size() + 1;
  for (const std::string& line : lines_)
    bytes += line.size() + 1;
  return bytes;
}

Result<void> EnvironmentBlock::set(std::string_view name, std::string_view value) {
  if (name.empty() || name.starts_with('#') || name.find_first_of("=\\\n") != std::string_view::npos)
    return fail(Code::invalid, "not a name for an environment block");
  std::string line = std::string(name) + "=" + escaped(value);
  const std::size_t index = index_of(name);
  const std::size_t old = index < lines_.size() ? lines_[index].size() + 1 : 0;
  if (used() - old + line.size() + 1 > size_)
    return fail(Code::too_large, "the environment block is full");
  if (index < lines_.size())
    lines_[index] = std::move(line);
  else
    lines_.push_back(std::move(line));
  return {};
}

void EnvironmentBlock::remove(std::string_view name) {
  if (const std::size_t index = index_of(name); index < lines_.size())
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(index));
}

std::string EnvironmentBlock::text() const {
  std::string out(signature);
  out += '\n';
  for (const std::string& line : lines_)
    out += line + '\n';
  out.resize(size_, '#');
  return out;
}

} // namespace pvboot::config::grub
