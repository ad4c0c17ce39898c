// A grub.cfg's text and its syntax tree.
//
// The tree lives in flat pools and refers to the text, which the Script owns: a Part is a stretch of it, a Word is
// a run of parts, a Command is a run of words or a compound of lists of other commands. Lists are chained through
// Command::next. Index 0 means "none" for commands.
//
// The text is put into the shape in which GRUB sees it when it reads a file line by line: no carriage returns, no
// bytes after a NUL in a line, and no lines that begin with "#"; a line that has been dropped leaves one NUL, so that
// line numbers stay right.
#pragma once

#include "base/result.hpp"
#include "config/entry.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::config::grub {

struct Part {
  enum class Kind : std::uint8_t {
    text,            ///< unquoted, with its backslashes
    single_quoted,   ///< as it is
    double_quoted,   ///< as it is; its escapes are undone
    variable,        ///< the name; its value is split at blanks
    quoted_variable, ///< the name; its value is taken whole
    translated,      ///< the inside of $"..."
  };

  const char* data = nullptr;
  std::uint32_t size = 0;
  Kind kind = Kind::text;

  std::string_view view() const { return {data, size}; }
};

struct Word {
  std::uint32_t first_part = 0;
  std::uint32_t part_count = 0;
};

using CommandIndex = std::uint32_t;

struct Command {
  enum class Kind : std::uint8_t { simple, condition, for_loop, while_loop, until_loop, function };

  Kind kind = Kind::simple;
  std::uint32_t line = 0;
  CommandIndex next = 0;
  std::uint32_t first_word = 0; ///< simple: name and arguments; for: the values
  std::uint32_t word_count = 0;
  std::uint32_t name_word = 0; ///< for: the variable; function: the name
  CommandIndex test = 0;       ///< condition, while, until
  CommandIndex body = 0;       ///< the block, the "then" or "do" list, the function's body
  CommandIndex otherwise = 0;  ///< the "else" list, or the condition that "elif" begins
};

class Script {
public:
  /// `text` as it is in `file`, from its line `first_line` on.
  Script(FilePath file, std::string text, std::uint32_t first_line = 1);
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  const FilePath& file() const { return file_; }
  std::string_view text() const { return text_; }
  std::uint32_t first_line() const { return first_line_; }
  bool had_nul() const { return had_nul_; } ///< something was dropped after a NUL

  Origin origin(std::uint32_t line) const { return {file_, line}; }

  const Command& command(CommandIndex index) const { return commands_[index]; }
  Command& command(CommandIndex index) { return commands_[index]; }
  const Word& word(std::uint32_t index) const { return words_[index]; }
  const Part& part(std::uint32_t index) const { return parts_[index]; }

  std::uint32_t part_count() const { return static_cast<std::uint32_t>(parts_.size()); }
  std::uint32_t word_count() const { return static_cast<std::uint32_t>(words_.size()); }

  void add(Part part) { parts_.push_back(part); }
  std::uint32_t add(Word word);
  CommandIndex add(Command command);
  /// Text that is not in the source as it is (escapes undone); stays where it is.
  std::string_view keep(std::string text);

  /// What the tree takes, bytes.
  std::size_t tree_bytes() const;

  /// Bodies of functions and entries in use: a Script with none is dropped when its run is over.
  unsigned users = 0;

private:
  FilePath file_;
  std::string text_;
  std::uint32_t first_line_;
  bool had_nul_ = false;
  std::deque<std::string> kept_;
  std::vector<Part> parts_;
  std::vector<Word> words_;
  std::vector<Command> commands_;
};

/// A list of commands somewhere.
struct Body {
  Script* script = nullptr;
  CommandIndex first = 0;
};

} // namespace pvboot::config::grub
