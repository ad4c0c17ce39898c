#include "scene.hpp"

#include "loader/program/chooser.hpp"

using namespace pvboot;
using namespace pvboot::loader;

namespace {

config::MenuItem item(std::string title, std::string id) {
  config::MenuItem made;
  made.title = std::move(title);
  made.id = std::move(id);
  return made;
}

/// "First", and a submenu "More" with "Old" in it.
config::Menu menu() {
  config::Menu made;
  made.items = {item("First", "first"), item("More", "more")};
  made.items[1].submenu = true;
  made.items[1].items = {item("Old", "old")};
  made.default_item = {0};
  return made;
}

struct ChooserScene : Scene {
  ChooserScene() { attendant.begin(); }
  Decision ask(const std::string& keys) {
    reader.typed += keys;
    return chooser.ask(&entries, entries.default_item, "(xvda)/boot/grub/grub.cfg");
  }
  bool count_down(std::optional<std::uint32_t> timeout, config::TimeoutStyle style = config::TimeoutStyle::menu) {
    return chooser.count_down(entries.items[0], timeout, style);
  }
  config::Menu entries = menu();
  Chooser chooser{attendant, xen.clock, log};
};

constexpr auto suspend_said = "only a running kernel can do that\r\n";

} // namespace

TEST_CASE("the countdown shows each second and boots when it has run out") {
  ChooserScene s;
  const xen::Instant start = s.xen.clock.now();
  CHECK(s.count_down(3));
  CHECK(s.xen.clock.now() - start >= seconds(3));
  CHECK(s.xen.clock.now() - start < seconds(4));
  for (const char* left : {"in 3 s", "in 2 s", "in 1 s", "in 0 s"})
    CHECK(s.count(left) == 1);
  CHECK(s.count("boots 'First'") == 4);
}

TEST_CASE("Enter ends the countdown and boots, any other key opens the menu") {
  const auto [key, boots] = GENERATE(std::pair{'\r', true}, std::pair{'\n', true}, std::pair{'x', false});
  ChooserScene s;
  s.somebody_types("in 58 s", std::string(1, key));
  const xen::Instant start = s.xen.clock.now();
  CHECK(s.count_down(60) == boots);
  CHECK(s.xen.clock.now() - start < seconds(4));
}

TEST_CASE("with no time at all a key that was typed before counts") {
  ChooserScene s;
  CHECK(s.count_down(0));
  s.reader.typed = "x";
  s.reader.run();
  CHECK(!s.count_down(0));
  CHECK(s.text().empty());
}

TEST_CASE("a hidden countdown says nothing and takes its time; without a timeout the menu opens") {
  ChooserScene s;
  const xen::Instant start = s.xen.clock.now();
  CHECK(s.count_down(2, config::TimeoutStyle::hidden));
  CHECK(s.xen.clock.now() - start >= seconds(2));
  CHECK(s.text().empty());
  CHECK(!s.count_down(std::nullopt));
  CHECK(s.count("waiting at the menu") == 1);
}

TEST_CASE("the host's shutdown ends the countdown and the domain") {
  ChooserScene s;
  s.host_asks("in 9 s", "poweroff");
  CHECK(end_of([&] { return s.count_down(10); }) == SHUTDOWN_poweroff);
  CHECK(s.text().find("opens the menu  \r\npvboot: the host asks") != std::string::npos);
}

TEST_CASE("a suspend in the countdown is refused, and the countdown goes on as if nothing had been") {
  ChooserScene s;
  s.host_asks("in 4 s", "suspend");
  const xen::Instant start = s.xen.clock.now();
  CHECK(s.count_down(5));
  CHECK(s.xen.clock.now() - start >= seconds(5));
  CHECK(s.xen.clock.now() - start < seconds(6));
  CHECK(s.text().find(std::string(suspend_said) + "\rpvboot: boots 'First' in 4 s") != std::string::npos);
}

TEST_CASE("an entry is named by number, title or id, and Enter alone means the default") {
  using Path = config::ItemPath;
  const auto [keys, path] =
      GENERATE(std::pair{"\r", Path{0}}, std::pair{"0\r", Path{0}}, std::pair{"first\n", Path{0}},
               std::pair{"First\r", Path{0}}, std::pair{"1>0\r", Path{1, 0}}, std::pair{"More>Old\r", Path{1, 0}},
               std::pair{"1>9\b0\r", Path{1, 0}}, std::pair{"zz\x7f\x7f\x7f\x1b[A\b\b0\r", Path{0}});
  ChooserScene s;
  const Decision decision = s.ask(keys);
  CHECK(decision.kind == Decision::Kind::boot);
  CHECK(decision.item == path);
  CHECK(s.count(" * 0     First") == 1);
  CHECK(s.count("   1>0     Old") == 1);
}

TEST_CASE("a name that nothing has is said, and asked for again") {
  ChooserScene s;
  CHECK(s.ask("\x1b[2Jnothing\r0\r").item == config::ItemPath{0});
  CHECK(s.count("no entry is called '[2Jnothing'") == 1);
  CHECK(s.count("pvboot> ") == 2);
}

TEST_CASE("a line that does not end is bounded") {
  ChooserScene s;
  CHECK(s.ask(std::string(5000, '0') + "\r0\r").item == config::ItemPath{0});
  CHECK(s.text().size() < 1500);
}

TEST_CASE("the disks can be looked at again, the guest rebooted and powered off") {
  using Kind = Decision::Kind;
  const auto [keys, kind] =
      GENERATE(std::pair{"r\r", Kind::rescan}, std::pair{"b\r", Kind::reboot}, std::pair{"p\r", Kind::poweroff});
  ChooserScene s;
  CHECK(s.ask(keys).kind == kind);
}

TEST_CASE("where there is nothing to boot, a name is no answer") {
  ChooserScene s;
  s.reader.typed = "0\r\rr\r";
  CHECK(s.chooser.ask(nullptr, {}, "").kind == Decision::Kind::rescan);
  CHECK(s.count("There is nothing to boot") == 3);
}

TEST_CASE("a long menu is shown in part, and all of it can be named") {
  ChooserScene s;
  s.entries.items.assign(300, item("Entry", "entry"));
  CHECK(s.ask("299\r").item == config::ItemPath{299});
  CHECK(s.count(" Entry\r\n") == 200);
  CHECK(s.count("more than 200 entries") == 1);
}

TEST_CASE("a suspend at the menu is refused, and what was typed so far counts") {
  ChooserScene s;
  s.somebody_types("pvboot> ", "1>");
  s.host_asks("1>", "suspend");
  s.somebody_types(suspend_said, "0\r");
  CHECK(s.ask("").item == config::ItemPath{1, 0});
  CHECK(s.text().find(std::string(suspend_said) + "pvboot> 1>0\r\n") != std::string::npos);
  CHECK(s.script.done());
}

TEST_CASE("the host's reboot at the menu ends the domain, an hour later too") {
  ChooserScene s;
  struct Later final : xen::Peer {
    explicit Later(Scene& scene) : s(scene), at(scene.xen.now_ns + 7200'000'000'000) { s.xen.peers.push_back(this); }
    void run() override {
      if (s.xen.now_ns < at || s.store.get(shutdown_key) == "reboot")
        return;
      s.store.set(shutdown_key, "reboot");
      s.store.run();
    }
    Scene& s;
    std::uint64_t at;
  } later(s);
  CHECK(end_of([&] { return s.ask("0"); }) == SHUTDOWN_reboot);
  CHECK(s.text().find("pvboot> 0\r\npvboot: the host asks for a reboot") != std::string::npos);
}
