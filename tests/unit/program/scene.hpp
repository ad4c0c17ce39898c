// A loader's surroundings: a console with somebody at it, a store with a host behind it, and what the loader waits
// with.
#pragma once

#include "loader/program/attendant.hpp"

#include "tests/unit/xen/fake_console.hpp"
#include "tests/unit/xen/fake_store.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>

namespace pvboot::loader {

/// Does one thing after another, each when its words have come on the console since the one before.
class Script final : public xen::Peer {
public:
  Script(xen::FakeXen& xen, xen::FakeConsole& console) : console_(console) { xen.peers.push_back(this); }

  void when(std::string words, std::function<void()> deed) { steps_.push_back({std::move(words), std::move(deed)}); }
  bool done() const { return steps_.empty(); }

  void run() override {
    console_.run();
    if (steps_.empty())
      return;
    const std::size_t found = console_.text.find(steps_.front().words, seen_);
    if (found == std::string::npos)
      return;
    seen_ = found + steps_.front().words.size();
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    step.deed();
    console_.run();
  }

private:
  struct Step {
    std::string words;
    std::function<void()> deed;
  };
  xen::FakeConsole& console_;
  std::deque<Step> steps_;
  std::size_t seen_ = 0;
};

inline const std::string shutdown_key = "control/shutdown";

struct Scene {
  Scene() {
    for (const char* made : {"control/shutdown", "control/feature-poweroff", "control/feature-reboot"})
      store.values[made] = "";
  }

  /// All that was said.
  const std::string& text() {
    console.drain(seconds(1));
    reader.run();
    return reader.text;
  }

  std::size_t count(std::string_view words) {
    std::size_t found = 0;
    for (std::size_t at = text().find(words); at != std::string::npos; at = text().find(words, at + 1))
      ++found;
    return found;
  }

  /// A host that writes `word` as soon as `words` have been said.
  void host_asks(std::string words, std::string word) {
    script.when(std::move(words), [this, word = std::move(word)] {
      store.set(shutdown_key, word);
      store.run();
    });
  }
  void somebody_types(std::string words, std::string keys) {
    script.when(std::move(words), [this, keys = std::move(keys)] { reader.typed += keys; });
  }

  xen::FakeXen xen;
  xen::FakeStore store{xen};
  xencons_interface ring{};
  xen::FakeConsole reader{xen, ring};
  Script script{xen, reader};
  xen::Console console{ring, xen::FakeConsole::port, xen.events, xen.clock};
  xen::XenStore client{store.ring, xen::FakeStore::port, xen.events, xen.clock};
  Log log{console, xen.clock};
  Attendant attendant{&client, console, xen.clock, log};
};

/// The reason with which `deed` ends the domain.
template <typename Deed> unsigned end_of(Deed deed) {
  try {
    (void)deed();
  } catch (const xen::ShutdownSeen& seen) {
    return seen.reason;
  }
  FAIL("the domain goes on");
  return ~0u;
}

} // namespace pvboot::loader
