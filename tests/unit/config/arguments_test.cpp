#include "config/grub/arguments.hpp"

#include "config/grub/limits.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::config::grub;

TEST_CASE("a kernel's command line is quoted as GRUB quotes it") {
  struct Case {
    std::vector<std::string> arguments;
    const char* line;
  };
  const Case cases[] = {
      {{}, ""},
      {{"root=/dev/xvda1", "ro", "quiet"}, "root=/dev/xvda1 ro quiet"},
      {{"dyndbg=module xen +p", "x"}, "\"dyndbg=module xen +p\" x"},
      {{"a=\"b\""}, "a=\\\"b\\\""},
      {{"it's", "back\\slash"}, "it\\'s back\\\\slash"},
      {{"a", "", "b"}, "a  b"},
      {{"", "b"}, " b"},
      {{"tab\there"}, "tab\there"},
  };
  for (const Case& one : cases)
    CHECK(join_command_line(one.arguments) == one.line);
}

TEST_CASE("options are found among the words") {
  constexpr OptionSpec specs[] = {{"set", 's', OptionSpec::Value::optional},
                                  {"fs-uuid", 'u'},
                                  {"hint", 0, OptionSpec::Value::required},
                                  {"none", 'n'}};
  const auto parse = [&](std::vector<std::string> arguments, bool dash = false) {
    return parse_arguments(specs, arguments, dash);
  };
  const auto both = parse({"a", "--fs-uuid", "--set=root", "--hint", "h1", "b", "--hint=h2"});
  REQUIRE(both);
  CHECK(both->words == std::vector<std::string>{"a", "b"});
  CHECK(*both->value(0) == "root");
  CHECK(both->has(1));
  CHECK(!both->has(3));
  CHECK(*both->value(2) == "h2");

  CHECK(*parse({"--set", "x"})->value(0) == "x");
  CHECK(parse({"--set", "--fs-uuid"})->value(0) == nullptr);
  CHECK(*parse({"-us", "x"})->value(0) == "x");
  CHECK(parse({"-s", "-u"})->value(0) == nullptr);
  CHECK(parse({"--", "--set", "-u"})->words == std::vector<std::string>{"--set", "-u"});
  CHECK(parse({"-", ""})->words == std::vector<std::string>{"-", ""});
  CHECK(parse({"--hint"}).error().code() == Code::invalid);
  CHECK(parse({"--hint", "--set"}).error().code() == Code::invalid);
  CHECK(parse({"--other"}).error().code() == Code::invalid);
  CHECK(parse({"-x"}).error().code() == Code::invalid);
  CHECK(parse({"--other", "-x"}, true)->words == std::vector<std::string>{"--other", "-x"});
}

TEST_CASE("names are matched against patterns") {
  struct Case {
    const char* pattern;
    const char* name;
    bool match;
  };
  constexpr Case cases[] = {
      {"", "", true},
      {"*", "", true},
      {"*", "abc", true},
      {"?", "", false},
      {"?", "a", true},
      {"a*c", "abbbc", true},
      {"a*c", "abbb", false},
      {"*a*b*", "xaxxbx", true},
      {"*a*b*", "xbxxa", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"a\\?c", "abc", false},
      {"vmlinuz-*", "vmlinuz-6.1", true},
      {"**", "x", true},
      {"a**", "a", true},
      {"ab", "a", false},
  };
  for (const Case& one : cases) {
    INFO(one.pattern << " " << one.name);
    CHECK(matches(one.pattern, one.name) == one.match);
  }
  CHECK(is_pattern("a*"));
  CHECK(!is_pattern("a\\*"));
  CHECK(plain("a\\*\\\\b") == "a*\\b");
}

TEST_CASE("matching is not exponential") {
  CHECK(!matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", std::string(20000, 'a')));
}

TEST_CASE("arguments are bounded in number and size") {
  ArgumentList list;
  Result<void> last;
  for (std::size_t i = 0; last && i < limits::arguments + 1; ++i) {
    last = list.begin_word();
    if (last)
      last = list.append_quoted("x");
  }
  CHECK(last.error().code() == Code::too_large);
  ArgumentList big;
  last = {};
  for (std::size_t i = 0; last && i < 200; ++i)
    last = big.append_raw(std::string(1024, 'x'));
  CHECK(last.error().code() == Code::too_large);
}
