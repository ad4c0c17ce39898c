#include "config/grub/regular_expression.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::config::grub;

TEST_CASE("extended regular expressions match leftmost and longest") {
  struct Case {
    const char* pattern;
    const char* text;
    const char* match; ///< nullptr: none
  };
  constexpr Case cases[] = {
      {"", "abc", ""},
      {"b", "abc", "b"},
      {"^b", "abc", nullptr},
      {"c$", "abc", "c"},
      {"a.c", "xabcx", "abc"},
      {"a*", "aaab", "aaa"},
      {"a+", "baab", "aa"},
      {"ab?c", "ac abc", "ac"},
      {"a|ab|abc", "abcd", "abc"},
      {"(ab)*", "ababa", "abab"},
      {"(a*)*", "aaa", "aaa"},
      {"(a*)+$", "aaab", ""},
      {"x{0}", "xx", ""},
      {"x{2}", "xxx", "xx"},
      {"x{2,}", "xxxx", "xxxx"},
      {"x{1,2}", "xxxx", "xx"},
      {"(ab){2}", "ababab", "abab"},
      {"[abc]+", "xxabcabx", "abcab"},
      {"[^abc]+", "abxyzc", "xyz"},
      {"[a-c-]+", "x-a-bx", "-a-b"},
      {"[]]", "a]", "]"},
      {"[^]]+", "]a]", "a"},
      {"[[:digit:]]+", "abc123", "123"},
      {"[[:alpha:]_]+", "1ab_c2", "ab_c"},
      {"[[:space:]]+", "a \t\nb", " \t\n"},
      {"[[:punct:]]", "a.b", "."},
      {"[[:cntrl:]]+", "a\t\x7f b", "\t\x7f"},
      {"\\.", "a.b", "."},
      {"\\(a\\)", "(a)", "(a)"},
      {"a$b", "a$b", nullptr},
      {"(^a|b)c", "xbc", "bc"},
      {"(a|b)*abb", "ababbabb", "ababbabb"},
      {"\xff", "a\xff", "\xff"},
      {"linux-([0-9]+\\.)*[0-9]+", "vmlinux-6.1.0-32", "linux-6.1.0"},
  };
  for (const Case& one : cases) {
    INFO(one.pattern << " over " << one.text);
    const auto expression = RegularExpression::compile(one.pattern);
    REQUIRE(expression);
    const auto match = expression->search(one.text);
    REQUIRE(match.has_value() == (one.match != nullptr));
    if (match) {
      const auto [from, to] = match->at(0);
      CHECK(std::string_view(one.text).substr(from, to - from) == one.match);
    }
  }
}

TEST_CASE("groups say what they matched, or that they did not") {
  const auto expression = RegularExpression::compile("(a)|(b)(c)?");
  const auto match = expression->search("xb");
  REQUIRE(match);
  REQUIRE(match->size() == 4);
  CHECK(match->at(1).first == std::string_view::npos);
  CHECK(match->at(2) == std::pair<std::size_t, std::size_t>{1, 2});
  CHECK(match->at(3).first == std::string_view::npos);
}

TEST_CASE("patterns that make no sense or are too large are refused") {
  for (const char* bad :
       {"(", ")", "(a", "a)", "[a", "[", "*", "+a", "a|*", "(?)", "a{", "a{2", "a{2,1}", "a{x}", "\\", "[[:nosuch:]]"})
    CHECK(RegularExpression::compile(bad).error().code() == Code::invalid);
  for (const std::string& large : {std::string("a{9999}"), std::string("((a{20}){20}){20}"), std::string(5000, 'a'),
                                   std::string(100, '('), std::string("(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)")})
    CHECK(RegularExpression::compile(large).error().code() == Code::too_large);
}

TEST_CASE("no pattern takes exponential time") {
  const auto expression = RegularExpression::compile("(a*)*(a*)*(a|aa)+b");
  CHECK(!expression->search(std::string(5000, 'a')));
}
