// Extended regular expressions, for `regexp` [POSIX.1 XBD 9.4]: ^ $ . * + ? {m,n} | () [] with ranges, negation and
// named classes, and backslash before a special byte. No back references. Bytes, not characters.
//
// A pattern becomes a small program; all its threads run over the text side by side, so time is linear in text times
// program and nothing recurses while matching. The leftmost match is taken, the longest of those; groups follow the
// greedy reading. Code::invalid for a pattern that makes no sense, Code::too_large for one whose program would exceed
// max_program.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace pvboot::config::grub {

class RegularExpression {
public:
  static constexpr std::size_t max_program = 400;
  static constexpr std::size_t max_groups = 10; ///< the whole match is group 0
  static constexpr std::size_t max_nesting = 16;

  static Result<RegularExpression> compile(std::string_view pattern);

  /// Start and end of each group in `text`; a group that took no part is npos, npos.
  using Match = std::vector<std::pair<std::size_t, std::size_t>>;
  /// Nothing when `text` has no match.
  std::optional<Match> search(std::string_view text) const;

  std::size_t program_size() const { return program_.size(); }

private:
  class Compiler;
  class Matcher;

  struct Instruction {
    enum class Kind : std::uint8_t { byte_set, line_start, line_end, save, split, jump, match };

    Kind kind = Kind::match;
    std::uint16_t first = 0;  ///< split: tried first; jump: there; save: the slot; byte_set: the set
    std::uint16_t second = 0; ///< split: tried then
  };

  struct ByteSet {
    std::uint64_t bits[4] = {};

    void add(unsigned char byte) { bits[byte >> 6] |= std::uint64_t{1} << (byte & 63); }
    bool has(unsigned char byte) const { return (bits[byte >> 6] >> (byte & 63)) & 1; }
    void invert() {
      for (std::uint64_t& word : bits)
        word = ~word;
    }
  };

  std::vector<Instruction> program_;
  std::vector<ByteSet> sets_;
  std::size_t groups_ = 1;
};

} // namespace pvboot::config::grub
