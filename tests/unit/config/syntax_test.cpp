#include "config/grub/limits.hpp"
#include "config/grub/parser.hpp"
#include "helpers.hpp"

#include <cstdlib>

using namespace pvboot;
using namespace pvboot::config;
using namespace pvboot::config::grub;

namespace {

/// The places and messages of a text's mistakes.
std::vector<std::string> mistakes_in(const std::string& text) {
  Script script(FilePath{{"d"}, "/c"}, text);
  Parser parser(script, 0);
  std::vector<std::string> mistakes;
  for (;;) {
    const auto unit = parser.next_unit();
    if (!unit)
      mistakes.push_back(unit.error().text());
    else if (!*unit)
      return mistakes;
    if (!unit && unit.error().code() != Code::invalid)
      return mistakes;
  }
}

struct Case {
  const char* text;
  bool accepted;
};

constexpr Case cases[] = {
    {"", true},
    {"\n\n", true},
    {"echo", true},
    {"echo a; echo b", true},
    {"echo a;", true},
    {"echo a ;\n;", false},
    {"; echo", false},
    {"echo a;; echo b", false},
    {"echo a | echo b", false},
    {"echo a || echo b", false},
    {"echo a & echo b", false},
    {"echo a && echo b", false},
    {"echo < a", false},
    {"echo 'a | b & c < d > e'", true},
    {"echo \"a | b\"", true},
    {"echo a\\|b", true},
    {"echo 'open", false},
    {"echo \"open", false},
    {"echo 'a\nb'", true},
    {"echo \"a\nb\"", true},
    {"echo \"$x ${y} $1 ${2} $? $# $* $@ ${?}\"", true},
    {"echo $x${y}z", true},
    {"echo $", false},
    {"echo $ x", false},
    {"echo \"$ 5\"", false},
    {"echo '$ 5'", true},
    {"echo \\$", true},
    {"echo ${x", false},
    {"echo ${x-y}", false},
    {"echo ${}", false},
    {"echo $-", false},
    {"echo $\"text $x\"", true},
    {"echo # comment | & <", true},
    {"# comment | &", true},
    {"  # comment | &", true},
    {"echo a#b", true},
    {"echo [[", false},
    {"[[ a ]]", false},
    {"[ a ]", true},
    {"echo a{b", false},
    {"echo a}b", false},
    {"}", false},
    {"{ echo; }", false},
    {"menuentry a { echo }", true},
    {"menuentry a { echo; }", true},
    {"menuentry a {\n echo\n}", true},
    {"menuentry a {\n\n echo\n\n}", true},
    {"menuentry a\n{ echo; }", false},
    {"menuentry a {}", false},
    {"menuentry a { }", false},
    {"menuentry a { echo; } b", false},
    {"menuentry a { echo; } ; echo", true},
    {"menuentry a { menuentry b { echo; } }", true},
    {"function f { echo; }", true},
    {"function f { echo }", false},
    {"function f\n{\necho\n}", true},
    {"function f\n\n\n{\necho\n}", true},
    {"function f { }", false},
    {"function 1f { echo; }", false},
    {"function f-g { echo; }", false},
    {"function f_1 { echo; }", true},
    {"function if { echo; }", false},
    {"if true; then function f { echo; }; fi", false},
    {"menuentry a { function f { echo; }; }", false},
    {"if true; then echo; fi", true},
    {"if true; then echo; fi; echo", true},
    {"if true\nthen\necho\nfi", true},
    {"if true; then\necho\nelse\necho\nfi", true},
    {"if true; then echo; elif true; then echo; else echo; fi", true},
    {"if true; then echo; elif true; then echo; elif true; then echo; fi", true},
    {"if true; then echo; else echo; else echo; fi", false},
    {"if true; then echo; else echo; elif true; then echo; fi", false},
    {"if true; then fi", false},
    {"if true; then echo; else fi", false},
    {"if true then echo; fi", false},
    {"if true; then echo fi", false},
    {"if ; then echo; fi", false},
    {"if true; false; then echo; fi", true},
    {"if if true; then true; fi; then echo; fi", true},
    {"fi", false},
    {"then", false},
    {"echo if then else fi for in do done while until function case esac select elif", true},
    {"case x in", false},
    {"for i in a b; do echo; done", true},
    {"for i in; do echo; done", true},
    {"for i in a b\ndo\necho\ndone", true},
    {"for i in a b do echo; done", false},
    {"for i a b; do echo; done", false},
    {"for 1 in a; do echo; done", false},
    {"for in in in; do echo; done", false},
    {"for i in if then; do echo; done", true},
    {"for i in a; do done", false},
    {"while true; do echo; done", true},
    {"while true; do echo; done;", true},
    {"until true; do echo; done", true},
    {"while true do echo; done", false},
    {"while; do echo; done", false},
    {"while true; do echo done", false},
    {"echo a\\\nb", true},
    {"echo a \\\n b", true},
    {"if \\\ntrue; then echo; fi", true},
    {"if true; then echo", false},
    {"menuentry a {\necho", false},
    {"echo \xff\xfe\x80", true},
    {"echo 'a\r'\r", true},
    {"! true", true},
    {"! { echo; }", true},
    {"a=b", true},
    {"a=\"b c\"", true},
    {"foo() { echo; }", true},
    {".", true},
};

bool script_check_is_here() { return std::system("command -v grub-script-check >/dev/null 2>&1") == 0; }

/// The verdict of GRUB's own parser.
bool grub_accepts(const std::string& text) {
  const std::string path = "syntax_test.tmp";
  std::ofstream(path, std::ios::binary) << text << "\ntrue\n"; // one without commands is refused
  const int status = std::system(("grub-script-check " + path + " >/dev/null 2>&1").c_str());
  std::remove(path.c_str());
  return status == 0;
}

} // namespace

TEST_CASE("grub.cfg's syntax is accepted and refused as GRUB's own parser does") {
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(mistakes_in(one.text).empty() == one.accepted);
  }
}

TEST_CASE("the table of syntax agrees with grub-script-check where that is installed") {
  if (!script_check_is_here())
    return;
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(grub_accepts(one.text) == one.accepted);
  }
}

TEST_CASE("a mistake is named with its file and line, and only its own unit is lost") {
  const auto mistakes = mistakes_in("echo 1\n\necho $ x\necho 4\nif true; then\n  echo 6 | 7\nfi\nfor x in y; echo\n");
  REQUIRE(mistakes.size() == 4);
  CHECK(mistakes[0] == "(d)/c:3: \"$\" does not begin a variable's name; quote it");
  CHECK(mistakes[1] == "(d)/c:6: \"|\", \"&\", \"<\" and \">\" are reserved; quote them");
  CHECK(mistakes[2] == "(d)/c:7: a command is expected here");
  CHECK(mistakes[3] == "(d)/c:8: \"do\" is expected here");
}

TEST_CASE("lines are counted through comments, continuations and quotes") {
  const auto mistakes =
      mistakes_in("# one\necho 'two\nthree' \\\n four\n# five\r\n\necho \"seven\n#eight\nnine\"\n}\n");
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].starts_with("(d)/c:10: "));
}

TEST_CASE("nesting is bounded") {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "if ";
  const auto mistakes = mistakes_in(text);
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].ends_with("blocks are nested too deeply"));
}

TEST_CASE("the tree is bounded, and a long elif chain is not nesting") {
  std::string chain = "if a; then b; ";
  for (int i = 0; i < 1000; ++i)
    chain += "elif a; then b; ";
  CHECK(mistakes_in(chain + "fi").empty());
  std::string text;
  while (text.size() < 2 * limits::file_bytes)
    text += "a;";
  const auto mistakes = mistakes_in(text);
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].ends_with("the configuration is too large"));
}
