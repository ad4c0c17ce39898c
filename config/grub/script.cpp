#include "config/grub/script.hpp"

#include <utility>

namespace pvboot::config::grub {

namespace {

constexpr char dropped_line = '\0';

/// The text as GRUB's line reader gives it; in place, since it only gets shorter.
bool normalise(std::string& text) {
  bool had_nul = false;
  std::size_t out = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos)
      end = text.size();
    std::size_t line_start = out;
    for (std::size_t i = at; i < end; ++i) {
      if (text[i] == '\0') {
        had_nul = true;
        break;
      }
      if (text[i] != '\r')
        text[out++] = text[i];
    }
    if (out > line_start && text[line_start] == '#') {
      text[line_start] = dropped_line;
      out = line_start + 1;
    } else if (end < text.size()) {
      text[out++] = '\n';
    }
    at = end + 1;
  }
  text.resize(out);
  return had_nul;
}

} // namespace

Script::Script(FilePath file, std::string text, std::uint32_t first_line)
    : file_(std::move(file)), text_(std::move(text)), first_line_(first_line) {
  had_nul_ = normalise(text_);
  commands_.emplace_back(); // index 0 is "none"
}

std::uint32_t Script::add(Word word) {
  words_.push_back(word);
  return static_cast<std::uint32_t>(words_.size() - 1);
}

CommandIndex Script::add(Command command) {
  commands_.push_back(command);
  return static_cast<CommandIndex>(commands_.size() - 1);
}

std::string_view Script::keep(std::string text) { return kept_.emplace_back(std::move(text)); }

std::size_t Script::tree_bytes() const {
  return parts_.size() * sizeof(Part) + words_.size() * sizeof(Word) + commands_.size() * sizeof(Command) +
         kept_.size() * sizeof(std::string);
}

} // namespace pvboot::config::grub
