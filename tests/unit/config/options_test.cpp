#include "config/options.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::config;

using Words = std::vector<std::string>;

TEST_CASE("pvboot's options are taken out of extra=") {
  const Options options = parse_options("root=/dev/xvda1 pvboot.entry=\"Debian GNU/Linux>1\" ro pvboot.timeout=3 "
                                        "pvboot.config=(xvda1)/boot/grub/grub.cfg pvboot.log=debug,timing "
                                        "pvboot.stage2=yes pvboot.on_error=reboot quiet");
  CHECK(options.entry == "Debian GNU/Linux>1");
  CHECK(options.timeout == 3u);
  CHECK(!options.wait);
  REQUIRE(options.config);
  CHECK(options.config->text() == "(xvda1)/boot/grub/grub.cfg");
  CHECK(options.log == LogLevel::debug);
  CHECK(options.timing);
  CHECK(options.stage2 == true);
  CHECK(options.on_error == OnError::reboot);
  CHECK(options.kernel_words == Words{"root=/dev/xvda1", "ro", "quiet"});
  CHECK(options.warnings.empty());
}

TEST_CASE("without options everything has its default") {
  for (const char* extra : {"", "   ", "\t\n"}) {
    const Options options = parse_options(extra);
    CHECK(!options.entry);
    CHECK(!options.timeout);
    CHECK(!options.wait);
    CHECK(!options.config);
    CHECK(options.log == LogLevel::normal);
    CHECK(!options.timing);
    CHECK(!options.stage2);
    CHECK(options.on_error == OnError::fallback);
    CHECK(options.grub_variables.empty());
    CHECK(options.kernel_words.empty());
    CHECK(options.warnings.empty());
  }
}

TEST_CASE("each value of each option is known") {
  CHECK(parse_options("pvboot.timeout=never").wait);
  CHECK(parse_options("pvboot.timeout=-1").wait);
  CHECK(!parse_options("pvboot.timeout=never pvboot.timeout=4").wait);
  CHECK(parse_options("pvboot.timeout=0").timeout == 0u);
  CHECK(parse_options("pvboot.log=quiet").log == LogLevel::quiet);
  CHECK(parse_options("pvboot.log=normal").log == LogLevel::normal);
  CHECK(parse_options("pvboot.log=timing").timing);
  CHECK(parse_options("pvboot.log=timing").log == LogLevel::normal);
  CHECK(parse_options("pvboot.stage2=no").stage2 == false);
  CHECK(parse_options("pvboot.config=/boot/x.cfg").config->text() == "/boot/x.cfg");
  CHECK(parse_options("\"pvboot.entry=a b\"").entry == "a b");
  CHECK(parse_options("pvboot.entry=\"say \\\"x\\\" \\\\\"").entry == "say \"x\" \\");
  CHECK(parse_options("pvboot.entry=a pvboot.entry=b").entry == "b");
  constexpr std::pair<const char*, OnError> reactions[] = {
      {"fallback", OnError::fallback}, {"retry", OnError::retry},       {"menu", OnError::menu},
      {"reboot", OnError::reboot},     {"poweroff", OnError::poweroff}, {"crash", OnError::crash},
  };
  for (const auto& [word, meaning] : reactions)
    CHECK(parse_options(std::string("pvboot.on_error=") + word).on_error == meaning);
}

TEST_CASE("what makes no sense is a warning and changes nothing") {
  for (const char* extra : {"pvboot.nosuch=1",
                            "pvboot.debug",
                            "pvboot.",
                            "pvboot.=x",
                            "pvboot.timeout=",
                            "pvboot.timeout=soon",
                            "pvboot.timeout=5s",
                            "pvboot.timeout=99999999999",
                            "pvboot.timeout=-2",
                            "pvboot.entry=",
                            "pvboot.config=boot/x",
                            "pvboot.config=(xvda1",
                            "pvboot.config=(xvda1)",
                            "pvboot.config=()/x",
                            "pvboot.log=loud",
                            "pvboot.log=",
                            "pvboot.log=debug,loud",
                            "pvboot.stage2=1",
                            "pvboot.stage2=",
                            "pvboot.on_error=panic",
                            "xen_grub_env_a-b=1"}) {
    INFO(extra);
    const Options options = parse_options(extra);
    CHECK(options.warnings.size() == 1);
    CHECK(options.warnings.at(0).starts_with(extra));
    CHECK(options.kernel_words.empty());
    CHECK(options.grub_variables.empty());
    CHECK(!options.entry);
    CHECK(!options.timeout);
    CHECK(!options.config);
    CHECK(options.log == LogLevel::normal);
  }
  CHECK(parse_options("a \"b c").warnings.size() == 1);
  CHECK(parse_options("a \"b c").kernel_words == Words{"a", "\"b c"});
}

TEST_CASE("one more word at the end of extra= is a word of its own, whatever stands open there") {
  for (const char* extra :
       {"", "quiet", "note=\"a b\"", "note=\"a b", "note=\"a \\", "note=\"a \\\\", "\"", "\\", "a "}) {
    CAPTURE(extra);
    const Options options = parse_options(with_option(extra, "pvboot.stage2=no"));
    CHECK(options.stage2 == false);
    CHECK(options.warnings.empty());
  }
}

TEST_CASE("variables for grub.cfg are consumed under their whole name") {
  const Options options = parse_options("a xen_grub_env_one=1 xen_grub_env_two=\"x y\" xen_grub_env_three b");
  REQUIRE(options.grub_variables.size() == 3);
  CHECK(options.grub_variables[0] == std::pair<std::string, std::string>{"xen_grub_env_one", "1"});
  CHECK(options.grub_variables[1].second == "x y");
  CHECK(options.grub_variables[2].second == "1");
  CHECK(options.kernel_words == Words{"a", "b"});
}

TEST_CASE("a leading path is the configuration, with partitions counted as PV-GRUB did") {
  struct Case {
    const char* extra;
    const char* config;
    Words words;
  };
  const Case cases[] = {
      {"(hd0,0)/boot/grub/menu.lst", "(hd0,1)/boot/grub/menu.lst", {}},
      {"(hd0)/boot/grub/menu.lst ro", "(hd0)/boot/grub/menu.lst", {"ro"}},
      {"(hd1,4)/grub/grub.conf x", "(hd1,5)/grub/grub.conf", {"x"}},
      {"(hd0,1)/boot/grub/grub.cfg", "(hd0,1)/boot/grub/grub.cfg", {}},
      {"(hd0,gpt1)/boot/grub/menu.lst", "(hd0,gpt1)/boot/grub/menu.lst", {}},
      {"(xvda1)/boot/grub/menu.lst", "(xvda1)/boot/grub/menu.lst", {}},
      {"  (hd0,0)/menu.lst", "(hd0,1)/menu.lst", {}},
      {"ro (hd0,0)/boot/grub/menu.lst", nullptr, {"ro", "(hd0,0)/boot/grub/menu.lst"}},
      {"(hd0,0)", nullptr, {"(hd0,0)"}},
      {"()/menu.lst", nullptr, {"()/menu.lst"}},
      {"(hd(hd0,0)0,0)/menu.lst", nullptr, {"(hd(hd0,0)0,0)/menu.lst"}},
      {"(hd0,0)/menu.lst pvboot.config=/x.cfg", "/x.cfg", {}},
  };
  for (const Case& one : cases) {
    INFO(one.extra);
    const Options options = parse_options(one.extra);
    CHECK((options.config ? options.config->text() : "") == (one.config ? one.config : ""));
    CHECK(options.kernel_words == one.words);
    CHECK(options.warnings.empty());
  }
}

TEST_CASE("the kernel's words keep their quotes and go before the init's") {
  struct Case {
    const char* line;
    const char* extra;
    const char* result;
  };
  constexpr Case cases[] = {
      {"", "", ""},
      {"root=x ro", "", "root=x ro"},
      {"root=x ro ", "", "root=x ro "},
      {"root=x ro", "quiet", "root=x ro quiet"},
      {"root=x ro ", "quiet  debug", "root=x ro quiet debug"},
      {"", "quiet", "quiet"},
      {"root=x", "a=\"b c\" \"d e=f\"", "root=x a=\"b c\" \"d e=f\""},
      {"root=x -- single", "", "root=x -- single"},
      {"root=x -- single", "quiet", "root=x quiet -- single"},
      {"root=x --", "quiet", "root=x quiet --"},
      {"-- single", "quiet", "quiet -- single"},
      {"root=x --single y", "quiet", "root=x --single y quiet"},
      {"\"a -- b\" c", "quiet", "\"a -- b\" c quiet"},
      {"root=x", "quiet -- 3", "root=x quiet -- 3"},
      {"root=x -- 5", "quiet -- 3", "root=x quiet -- 5 3"},
      {"root=x", "a -- b -- c", "root=x a -- b -- c"},
  };
  for (const Case& one : cases) {
    INFO(one.line << " | " << one.extra);
    const auto result = append_to_command_line(one.line, parse_options(one.extra).kernel_words);
    REQUIRE(result);
    CHECK(*result == one.result);
  }
}

TEST_CASE("a command line over 1023 bytes is refused, never cut") {
  const std::string longest(max_command_line, 'x');
  CHECK(append_to_command_line(longest, {})->size() == 1023);
  CHECK(append_to_command_line(longest.substr(2), {"y"})->size() == 1023);
  const auto refused = append_to_command_line(longest, {"y"});
  REQUIRE(!refused);
  CHECK(refused.error().code() == Code::too_large);
  CHECK(refused.error().text().find("1025 bytes") != std::string::npos);
  CHECK(!append_to_command_line(longest + "x", {}));
}
