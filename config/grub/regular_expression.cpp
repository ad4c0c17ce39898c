#include "config/grub/regular_expression.hpp"

#include <algorithm>
#include <array>

namespace pvboot::config::grub {

using std::size_t;

/// Recursive descent over the pattern; what has been compiled is a stretch of the program, which repetition copies.
class RegularExpression::Compiler {
public:
  explicit Compiler(std::string_view pattern) : pattern_(pattern) {}

  Result<RegularExpression> run() {
    TRY(emit(Instruction::Kind::save, 0));
    TRY(alternatives(0));
    if (!at_end())
      return fail(Code::invalid, "unmatched \")\" in a regular expression");
    TRY(emit(Instruction::Kind::save, 1));
    TRY(emit(Instruction::Kind::match));
    return std::move(made_);
  }

private:
  using Program = std::vector<Instruction>;

  bool at_end() const { return at_ >= pattern_.size(); }
  bool next_is(char c) const { return !at_end() && pattern_[at_] == c; }
  std::uint16_t here() const { return static_cast<std::uint16_t>(made_.program_.size()); }

  Result<void> emit(Instruction::Kind kind, size_t first = 0, size_t second = 0) {
    if (made_.program_.size() >= max_program)
      return fail(Code::too_large, "the regular expression is too large");
    made_.program_.push_back({kind, static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(second)});
    return {};
  }

  /// Room for one instruction before the stretch that begins at `start`.
  Result<void> insert(size_t start, Instruction instruction) {
    TRY(emit(Instruction::Kind::match));
    Program& program = made_.program_;
    std::rotate(program.begin() + static_cast<std::ptrdiff_t>(start), program.end() - 1, program.end());
    for (size_t i = start + 1; i < program.size(); ++i)
      relocate(program[i], start, 1);
    program[start] = instruction;
    return {};
  }

  static void relocate(Instruction& instruction, size_t from, size_t by) {
    if (instruction.kind != Instruction::Kind::split && instruction.kind != Instruction::Kind::jump)
      return;
    if (instruction.first >= from)
      instruction.first = static_cast<std::uint16_t>(instruction.first + by);
    if (instruction.kind == Instruction::Kind::split && instruction.second >= from)
      instruction.second = static_cast<std::uint16_t>(instruction.second + by);
  }

  Result<void> alternatives(size_t depth) {
    if (depth > max_nesting)
      return fail(Code::too_large, "the regular expression is nested too deeply");
    const size_t start = here();
    TRY(sequence(depth));
    while (next_is('|')) {
      ++at_;
      // split start+1, behind; ...; jump to the end: patched when the end is known.
      TRY(insert(start, {Instruction::Kind::split, static_cast<std::uint16_t>(start + 1), 0}));
      const size_t jump = here();
      TRY(emit(Instruction::Kind::jump));
      made_.program_[start].second = here();
      TRY(sequence(depth));
      made_.program_[jump].first = here();
    }
    return {};
  }

  Result<void> sequence(size_t depth) {
    while (!at_end() && pattern_[at_] != '|' && pattern_[at_] != ')') {
      const size_t start = here();
      TRY(atom(depth));
      while (!at_end() &&
             (pattern_[at_] == '*' || pattern_[at_] == '+' || pattern_[at_] == '?' || pattern_[at_] == '{'))
        TRY(repetition(start));
    }
    return {};
  }

  Result<void> atom(size_t depth) {
    const char c = pattern_[at_++];
    switch (c) {
    case '(': return group(depth);
    case '[': return bracket();
    case '^': return emit(Instruction::Kind::line_start);
    case '$': return emit(Instruction::Kind::line_end);
    case '.': {
      ByteSet any;
      any.invert();
      return emit_set(any);
    }
    case '*':
    case '+':
    case '?':
    case '{': return fail(Code::invalid, "a repetition of nothing in a regular expression");
    case '\\':
      if (at_end())
        return fail(Code::invalid, "a regular expression ends in a backslash");
      return emit_byte(pattern_[at_++]);
    default: return emit_byte(c);
    }
  }

  Result<void> group(size_t depth) {
    if (made_.groups_ >= max_groups)
      return fail(Code::too_large, "too many groups in a regular expression");
    const size_t index = made_.groups_++;
    TRY(emit(Instruction::Kind::save, 2 * index));
    TRY(alternatives(depth + 1));
    if (!next_is(')'))
      return fail(Code::invalid, "unmatched \"(\" in a regular expression");
    ++at_;
    return emit(Instruction::Kind::save, 2 * index + 1);
  }

  Result<void> emit_byte(char c) {
    ByteSet set;
    set.add(static_cast<unsigned char>(c));
    return emit_set(set);
  }

  Result<void> emit_set(const ByteSet& set) {
    made_.sets_.push_back(set);
    return emit(Instruction::Kind::byte_set, made_.sets_.size() - 1);
  }

  Result<void> repetition(size_t start) {
    const char c = pattern_[at_++];
    switch (c) {
    case '*': return repeat(start, 0, std::nullopt);
    case '+': return repeat(start, 1, std::nullopt);
    case '?': return repeat(start, 0, 1);
    default: break;
    }
    const auto least = number();
    std::optional<size_t> most = least;
    if (next_is(',')) {
      ++at_;
      most = number();
    }
    if (!least || !next_is('}') || (most && *most < *least))
      return fail(Code::invalid, "a repetition count in a regular expression makes no sense");
    ++at_;
    return repeat(start, *least, most);
  }

  std::optional<size_t> number() {
    std::optional<size_t> value;
    while (!at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9')
      value = std::min(value.value_or(0) * 10 + static_cast<size_t>(pattern_[at_++] - '0'), max_program + 1);
    return value;
  }

  /// The stretch from `start` on, `least` to `most` times; without `most`, any number.
  Result<void> repeat(size_t start, size_t least, std::optional<size_t> most) {
    const Program once(made_.program_.begin() + static_cast<std::ptrdiff_t>(start), made_.program_.end());
    made_.program_.resize(start);
    for (size_t i = 0; i < least; ++i)
      TRY(copy(once, start));
    if (!most) {
      const size_t loop = here();
      TRY(emit(Instruction::Kind::split, loop + 1));
      TRY(copy(once, start));
      TRY(emit(Instruction::Kind::jump, loop));
      made_.program_[loop].second = here();
      return {};
    }
    std::vector<size_t> exits;
    for (size_t i = least; i < *most; ++i) {
      exits.push_back(here());
      TRY(emit(Instruction::Kind::split, here() + 1u));
      TRY(copy(once, start));
    }
    for (const size_t exit : exits)
      made_.program_[exit].second = here();
    return {};
  }

  Result<void> copy(const Program& once, size_t compiled_at) {
    const size_t by = here() - compiled_at;
    for (Instruction instruction : once) {
      relocate(instruction, compiled_at, by);
      TRY(emit(instruction.kind, instruction.first, instruction.second));
    }
    return {};
  }

  Result<void> bracket() {
    ByteSet set;
    const bool inverted = next_is('^');
    at_ += inverted;
    for (bool first = true; first || !next_is(']'); first = false) {
      if (at_end())
        return fail(Code::invalid, "unmatched \"[\" in a regular expression");
      if (pattern_.substr(at_).starts_with("[:")) {
        TRY(named_class(set));
        continue;
      }
      const auto low = static_cast<unsigned char>(pattern_[at_++]);
      unsigned char high = low;
      if (next_is('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        high = static_cast<unsigned char>(pattern_[at_ + 1]);
        at_ += 2;
      }
      for (unsigned byte = low; byte <= high; ++byte)
        set.add(static_cast<unsigned char>(byte));
    }
    ++at_;
    if (inverted)
      set.invert();
    return emit_set(set);
  }

  static unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }

  Result<void> named_class(ByteSet& set) {
    constexpr struct {
      std::string_view name;
      std::string_view ranges; ///< pairs of first and last
    } classes[] = {
        {"[:digit:]", "09"},       {"[:alpha:]", "azAZ"},    {"[:alnum:]", "azAZ09"}, {"[:upper:]", "AZ"},
        {"[:lower:]", "az"},       {"[:xdigit:]", "09afAF"}, {"[:space:]", "\t\r  "}, {"[:blank:]", "\t\t  "},
        {"[:punct:]", "!/:@[`{~"}, {"[:print:]", " ~"},      {"[:graph:]", "!~"},     {"[:cntrl:]", "\x01\x1f\x7f\x7f"},
    };
    for (const auto& known : classes) {
      if (!pattern_.substr(at_).starts_with(known.name))
        continue;
      for (size_t i = 0; i < known.ranges.size(); i += 2)
        for (unsigned byte = byte_of(known.ranges[i]); byte <= byte_of(known.ranges[i + 1]); ++byte)
          set.add(static_cast<unsigned char>(byte));
      at_ += known.name.size();
      return {};
    }
    return fail(Code::invalid, "an unknown class in a regular expression");
  }

  std::string_view pattern_;
  size_t at_ = 0;
  RegularExpression made_;
};

Result<RegularExpression> RegularExpression::compile(std::string_view pattern) { return Compiler(pattern).run(); }

/// All threads of the program at one place in the text, in order of preference.
class RegularExpression::Matcher {
public:
  Matcher(const RegularExpression& expression, std::string_view text) : expression_(expression), text_(text) {
    const size_t size = expression.program_.size();
    seen_.assign(size, 0);
    pending_.reserve(2 * size + 2);
  }

  std::optional<Match> run() {
    std::vector<Thread> now;
    std::vector<Thread> next;
    for (size_t at = 0; at <= text_.size(); ++at) {
      ++generation_;
      std::vector<Thread> stepped = std::move(next);
      next.clear();
      now.clear();
      for (const Thread& thread : stepped)
        follow(thread, at, now);
      if (!best_)
        follow(Thread{}, at, now);
      if (now.empty() && best_)
        break;
      step(now, at, next);
    }
    if (!best_)
      return std::nullopt;
    Match match;
    for (size_t group = 0; group < expression_.groups_; ++group)
      match.emplace_back(best_->slots[2 * group], best_->slots[2 * group + 1]);
    return match;
  }

private:
  static constexpr size_t none = std::string_view::npos;

  struct Thread {
    std::uint16_t at = 0;
    std::array<size_t, 2 * max_groups> slots;

    Thread() { slots.fill(none); }
  };

  /// Adds the threads that `thread` becomes without reading a byte.
  void follow(const Thread& thread, size_t at, std::vector<Thread>& out) {
    pending_.clear();
    pending_.push_back(thread);
    while (!pending_.empty()) {
      Thread current = pending_.back();
      pending_.pop_back();
      if (seen_[current.at] == generation_)
        continue;
      seen_[current.at] = generation_;
      const Instruction& instruction = expression_.program_[current.at];
      switch (instruction.kind) {
      case Instruction::Kind::split: {
        Thread second = current;
        second.at = instruction.second;
        pending_.push_back(second);
        current.at = instruction.first;
        pending_.push_back(current);
        break;
      }
      case Instruction::Kind::jump:
        current.at = instruction.first;
        pending_.push_back(current);
        break;
      case Instruction::Kind::save:
        current.slots[instruction.first] = at;
        ++current.at;
        pending_.push_back(current);
        break;
      case Instruction::Kind::line_start:
      case Instruction::Kind::line_end:
        if (at == (instruction.kind == Instruction::Kind::line_start ? 0 : text_.size())) {
          ++current.at;
          pending_.push_back(current);
        }
        break;
      case Instruction::Kind::byte_set: out.push_back(current); break;
      case Instruction::Kind::match: take(current); break;
      }
    }
  }

  /// The leftmost match wins, then the longest, then the one found first.
  void take(const Thread& thread) {
    if (!best_ || thread.slots[0] < best_->slots[0] ||
        (thread.slots[0] == best_->slots[0] && thread.slots[1] > best_->slots[1]))
      best_ = thread;
  }

  void step(const std::vector<Thread>& now, size_t at, std::vector<Thread>& next) const {
    if (at == text_.size())
      return;
    for (const Thread& thread : now) {
      const ByteSet& set = expression_.sets_[expression_.program_[thread.at].first];
      const bool can_win = !best_ || thread.slots[0] <= best_->slots[0];
      if (!can_win || !set.has(static_cast<unsigned char>(text_[at])))
        continue;
      next.push_back(thread);
      ++next.back().at;
    }
  }

  const RegularExpression& expression_;
  std::string_view text_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t generation_ = 0;
  std::vector<Thread> pending_;
  std::optional<Thread> best_;
};

std::optional<RegularExpression::Match> RegularExpression::search(std::string_view text) const {
  return Matcher(*this, text).run();
}

} // namespace pvboot::config::grub
