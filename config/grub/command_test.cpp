// `test` and `[`: conditions over strings, numbers and files.
//
// The expression is read from left to right as GRUB reads it: comparisons with their operator in the middle are
// looked for first, then tests with one operand, then "(", "!", "-a" and "-o"; what is left is true when it is not
// empty. "-a" is implied between conditions; "-o" separates groups of them. No condition at all is true.

#include "base/text.hpp"
#include "config/grub/commands.hpp"

namespace pvboot::config::grub {

namespace {

constexpr std::size_t max_parentheses = 16;

/// An unsigned number at the start of `text`, as far as it goes; 0 when there is none.
std::uint64_t leading_number(std::string_view text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t'))
    text.remove_prefix(1);
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  std::size_t end = hexadecimal ? 2 : 0;
  const auto is_digit = [&](char c) {
    return (c >= '0' && c <= '9') || (hexadecimal && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
  };
  while (end < text.size() && is_digit(text[end]))
    ++end;
  return parse_number(text.substr(0, end)).value_or(0);
}

std::int64_t signed_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto value = static_cast<std::int64_t>(leading_number(text.substr(negative)) & 0x7fffffffffffffff);
  return negative ? -value : value;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Expression {
public:
  Expression(Interpreter& interpreter, std::span<const std::string> words) : interpreter_(interpreter), words_(words) {}

  /// Nothing when parentheses are nested too deeply.
  std::optional<bool> value() {
    const bool result = group(0);
    return too_deep_ ? std::nullopt : std::optional(result);
  }

private:
  struct Group {
    bool any = false; ///< of the groups before "-o"
    bool all = true;  ///< of the conditions since
    bool inverted = false;

    void take(bool condition) {
      all = all && condition != inverted;
      inverted = false;
    }
    bool result() const { return any || all; }
  };

  std::size_t left() const { return words_.size() - at_; }
  const std::string& word(std::size_t ahead) const { return words_[at_ + ahead]; }

  bool group(std::size_t depth) {
    Group state;
    while (left() > 0) {
      if (left() >= 3)
        if (const auto compared = comparison(word(0), word(1), word(2))) {
          state.take(*compared);
          at_ += 3;
          continue;
        }
      if (left() >= 2)
        if (const auto tested = one_operand(word(0), word(1))) {
          state.take(*tested);
          at_ += 2;
          continue;
        }
      const std::string& first = word(0);
      ++at_;
      if (first == ")")
        return state.result();
      if (first == "(") {
        if (depth >= max_parentheses) {
          too_deep_ = true;
          return false;
        }
        state.take(group(depth + 1));
      } else if (first == "!") {
        state.inverted = !state.inverted;
      } else if (first == "-o") {
        state.any = state.result();
        state.all = true;
      } else if (first != "-a") {
        state.take(!first.empty());
      }
    }
    return state.result();
  }

  std::optional<bool> comparison(const std::string& left, std::string_view op, const std::string& right) {
    if (op == "=" || op == "==")
      return left == right;
    if (op == "!=")
      return left != right;
    if (op == "<")
      return left < right;
    if (op == "<=")
      return left <= right;
    if (op == ">")
      return left > right;
    if (op == ">=")
      return left >= right;
    if (op == "-eq")
      return signed_number(left) == signed_number(right);
    if (op == "-ne")
      return signed_number(left) != signed_number(right);
    if (op == "-lt")
      return signed_number(left) < signed_number(right);
    if (op == "-le")
      return signed_number(left) <= signed_number(right);
    if (op == "-gt")
      return signed_number(left) > signed_number(right);
    if (op == "-ge")
      return signed_number(left) >= signed_number(right);
    if (op == "-pgt" || op == "-plt")
      return prefix_comparison(left, op == "-pgt", right);
    if (op.starts_with("-nt") || op.starts_with("-ot"))
      return age_comparison(left, op, right);
    return std::nullopt;
  }

  /// Numbers behind a common prefix: "vmlinuz-2" is less than "vmlinuz-11".
  static bool prefix_comparison(std::string_view left, bool greater, std::string_view right) {
    std::size_t common = 0;
    while (common < left.size() && common < right.size() && left[common] == right[common])
      ++common;
    while (common > 0 && is_digit(left[common - 1]))
      --common;
    const std::uint64_t a = leading_number(left.substr(common));
    const std::uint64_t b = leading_number(right.substr(common));
    return greater ? a > b : a < b;
  }

  /// "-nt" and "-ot", with a number of seconds that is added to the left file's time.
  bool age_comparison(const std::string& left, std::string_view op, const std::string& right) {
    const auto first = info(left);
    const auto second = info(right);
    const bool newer = op.starts_with("-nt");
    if (!first || !second)
      return newer ? first && !second : !first && second;
    if (first->mtime == 0 || second->mtime == 0)
      return false;
    std::int64_t time = 0;
    if (__builtin_add_overflow(first->mtime, signed_number(op.substr(3)), &time))
      return false;
    return newer ? time > second->mtime : time < second->mtime;
  }

  std::optional<bool> one_operand(std::string_view op, const std::string& operand) {
    if (op == "-n")
      return !operand.empty();
    if (op == "-z")
      return operand.empty();
    if (op != "-d" && op != "-e" && op != "-f" && op != "-s")
      return std::nullopt;
    const auto found = info(operand);
    if (!found)
      return false;
    if (op == "-d")
      return found->kind == FileKind::directory;
    if (op == "-f")
      return found->kind != FileKind::directory;
    if (op == "-s")
      return found->kind != FileKind::directory && found->size != 0;
    return true;
  }

  std::optional<FileInfo> info(const std::string& text) {
    auto file = interpreter_.path(text);
    if (!file)
      return std::nullopt;
    if (file->path.empty())
      file->path = "/";
    const auto found = interpreter_.environment().stat(*file);
    return found ? std::optional(*found) : std::nullopt;
  }

  Interpreter& interpreter_;
  std::span<const std::string> words_;
  std::size_t at_ = 0;
  bool too_deep_ = false;
};

} // namespace

Result<Status> run_test(Interpreter& interpreter, const Invocation& invocation) {
  std::span<const std::string> words = invocation.arguments;
  if (!words.empty() && words.back() == "]")
    words = words.first(words.size() - 1);
  TRY(interpreter.spend(words.size()));
  const auto value = Expression(interpreter, words).value();
  if (!value)
    return interpreter.complain(invocation, Status::out_of_range, "parentheses are nested too deeply");
  return *value ? Status::success : Status::test_failure;
}

} // namespace pvboot::config::grub
