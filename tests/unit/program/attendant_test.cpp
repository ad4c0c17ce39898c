#include "scene.hpp"

using namespace pvboot;
using namespace pvboot::loader;

namespace {
constexpr Duration an_hour = seconds(3600);
}

TEST_CASE("the host's shutdown and reboot are said, acknowledged and carried out, at once") {
  struct Case {
    const char* word;
    unsigned reason;
    const char* said;
  };
  const auto [word, reason, said] = GENERATE(Case{"poweroff", SHUTDOWN_poweroff, "asks for a shutdown: powering off"},
                                             Case{"halt", SHUTDOWN_poweroff, "asks for a halt: powering off"},
                                             Case{"reboot", SHUTDOWN_reboot, "asks for a reboot: rebooting"});
  Scene s;
  s.attendant.begin();
  s.log.say("waiting");
  s.host_asks("waiting", word);
  const xen::Instant start = s.xen.clock.now();
  CHECK(end_of([&] { return s.attendant.wait_for_key(an_hour); }) == reason);
  CHECK(s.xen.clock.now() - start < seconds(5));
  CHECK(s.store.get(shutdown_key).empty());
  CHECK(s.text().find(said) != std::string::npos);
}

TEST_CASE("a request ends a wait in which nothing else happens") {
  Scene s;
  s.attendant.begin();
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  struct Once final : xen::Peer {
    explicit Once(Scene& scene) : s(scene) { s.xen.peers.push_back(this); }
    void run() override {
      // Once the look at the key is over, only a key is waited for.
      const bool looked = s.store.requests.size() > before && s.store.ring.rsp_cons == s.store.ring.rsp_prod;
      if (!looked || std::exchange(done, true))
        return;
      s.store.set(shutdown_key, "poweroff");
      s.store.run();
    }
    Scene& s;
    std::size_t before = s.store.requests.size();
    bool done = false;
  } once(s);
  const xen::Instant start = s.xen.clock.now();
  CHECK(end_of([&] { return s.attendant.wait_for_key(an_hour); }) == SHUTDOWN_poweroff);
  CHECK(s.xen.clock.now() - start < seconds(5));
}

TEST_CASE("a request that comes with the answer to a look does not wait for another event") {
  Scene s;
  s.attendant.begin();
  bool asked = false;
  s.store.tamper = [&](xen::FakeStore::Message& m) {
    if (m.header.type == XS_READ && !std::exchange(asked, true))
      s.store.set(shutdown_key, "poweroff");
  };
  const xen::Instant start = s.xen.clock.now();
  CHECK(end_of([&] { return s.attendant.wait_for_key(an_hour); }) == SHUTDOWN_poweroff);
  CHECK(s.xen.clock.now() - start < seconds(5));
}

TEST_CASE("what was asked before anybody listened is carried out") {
  Scene s;
  s.store.set(shutdown_key, "reboot");
  s.attendant.begin();
  CHECK(end_of([&] { return s.attendant.wait_for_key({}); }) == SHUTDOWN_reboot);
}

TEST_CASE("a request whose event somebody else took is carried out at the next wait") {
  Scene s;
  s.attendant.begin();
  s.store.set(shutdown_key, "poweroff");
  while (*s.client.next_event(milliseconds(1)))
    ;
  CHECK(end_of([&] { return s.attendant.wait_for_key({}); }) == SHUTDOWN_poweroff);
}

TEST_CASE("a suspend is refused: said once, left in the store, and keys come as before") {
  Scene s;
  s.attendant.begin();
  s.log.say("waiting");
  s.host_asks("waiting", "suspend");
  s.somebody_types("refused", "a");
  CHECK(s.attendant.wait_for_key(an_hour) == 'a');
  CHECK(s.store.get(shutdown_key) == "suspend");
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  CHECK(s.count("asks for a suspend") == 1);

  // Withdrawn, it can be asked for again, and something else may follow.
  s.store.set(shutdown_key, "");
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  s.store.set(shutdown_key, "suspend");
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  CHECK(s.count("asks for a suspend") == 2);
  s.store.set(shutdown_key, "poweroff");
  CHECK(end_of([&] { return s.attendant.wait_for_key(an_hour); }) == SHUTDOWN_poweroff);
}

TEST_CASE("words that mean nothing are said, bounded and harmless, and left alone") {
  const std::string word =
      GENERATE(std::string("crash me"), std::string("POWEROFF"), std::string("poweroff "), std::string("poweroff\0", 9),
               std::string("\x1b[2J\r\n\xff\0", 8), std::string(4096, 'p'));
  Scene s;
  s.attendant.begin();
  s.store.set(shutdown_key, word);
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  CHECK(s.count("which pvboot does not know: ignored") == 1);
  CHECK(s.text().size() < 300);
  CHECK(s.text().find('\x1b') == std::string::npos);
  CHECK(s.store.get(shutdown_key) == word);
}

TEST_CASE("a request that changes all the time floods no console, keeps no key away and ends in time") {
  Scene s;
  s.attendant.begin();
  struct Fickle final : xen::Peer {
    explicit Fickle(Scene& scene) : s(scene) { s.xen.peers.push_back(this); }
    void run() override {
      s.xen.now_ns += 10'000'000;
      s.store.set(shutdown_key, std::to_string(++times));
    }
    Scene& s;
    unsigned times = 0;
  } fickle(s);
  const xen::Instant start = s.xen.clock.now();
  CHECK(!s.attendant.wait_for_key(seconds(100)));
  CHECK(s.xen.clock.now() - start < seconds(102));
  CHECK(fickle.times > 100);
  CHECK(s.count("ignored") == Attendant::most_refusals_said);
  s.reader.typed = "k";
  CHECK(s.attendant.wait_for_key(seconds(100)) == 'k');
}

TEST_CASE("what the host wants last counts, when it changes its mind while it is answered") {
  const std::string last = GENERATE(std::string("reboot"), std::string());
  Scene s;
  s.attendant.begin();
  s.store.set(shutdown_key, "poweroff");
  s.store.tamper = [&](xen::FakeStore::Message& m) {
    if (m.header.type == XS_TRANSACTION_START)
      s.store.values[shutdown_key] = last;
  };
  if (last.empty())
    CHECK(!s.attendant.wait_for_key(seconds(1)));
  else
    CHECK(end_of([&] { return s.attendant.wait_for_key(seconds(1)); }) == SHUTDOWN_reboot);
}

TEST_CASE("a request that cannot be acknowledged is carried out all the same") {
  Scene s;
  s.store.read_only.insert(shutdown_key);
  s.attendant.begin();
  s.store.set(shutdown_key, "reboot");
  CHECK(end_of([&] { return s.attendant.wait_for_key(an_hour); }) == SHUTDOWN_reboot);
}

TEST_CASE("what stands on the last line is shown again after what was said") {
  Scene s;
  s.attendant.begin();
  s.log.raw("prompt> ty");
  s.host_asks("ty", "suspend");
  s.somebody_types("ty", "p");
  CHECK(s.attendant.wait_for_key(an_hour, "prompt> ty") == 'p');
  CHECK(s.text().starts_with("prompt> ty\r\npvboot: the host asks for a suspend"));
  CHECK(s.text().ends_with("\r\nprompt> ty"));
}

TEST_CASE("keys come, and the wait ends in time, whatever becomes of the store") {
  using Damage = void (*)(Scene&);
  const Damage damage =
      GENERATE(Damage{[](Scene& s) { s.store.ring.rsp_prod = s.store.ring.rsp_cons + 1025; }},
               Damage{[](Scene& s) { s.store.deaf = true; }}, Damage{[](Scene& s) { s.store.silent = true; }},
               Damage{[](Scene& s) { s.store.tamper = [](xen::FakeStore::Message& m) { m.header.len = ~0u; }; }});
  const bool before = GENERATE(true, false);
  Scene s;
  if (before)
    damage(s);
  s.attendant.begin();
  if (!before)
    damage(s);
  const xen::Instant start = s.xen.clock.now();
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  CHECK(s.xen.clock.now() < start + xen::XenStore::reply_limit + seconds(2));
  s.reader.typed = "k";
  const xen::Instant later = s.xen.clock.now();
  CHECK(s.attendant.wait_for_key(an_hour) == 'k');
  CHECK(s.xen.clock.now() - later < seconds(1));
}

TEST_CASE("without a store there are keys") {
  Scene s;
  Attendant alone(nullptr, s.console, s.xen.clock, s.log);
  alone.begin();
  s.reader.typed = "k";
  CHECK(alone.wait_for_key(seconds(1)) == 'k');
  CHECK(!alone.wait_for_key(seconds(1)));
  alone.leave();
}

TEST_CASE("whoever leaves listens no more, and leaves the store as a new guest expects it") {
  Scene s;
  const auto before = s.store.values;
  s.attendant.begin();
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  s.attendant.leave();
  CHECK(s.store.values == before);
  CHECK(s.store.watches.empty());
  s.store.set(shutdown_key, "poweroff");
  s.attendant.serve_host();
  CHECK(!s.attendant.wait_for_key(seconds(1)));
  CHECK(s.store.get(shutdown_key) == "poweroff");
}
