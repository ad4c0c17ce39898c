// What the probe has found: facts, one line each in a fixed order, and promises that were not kept.
//
// A fact is "probe: KEY VALUE". Values hold no machine frame number and nothing else that differs between two equal
// starts, so that the facts of two boots can be compared line by line. A broken promise is "probe-wrong: WHAT"; the
// verdict counts them and names the first. All is collected in memory first, since saying it changes the console's
// ring.
#pragma once

#include <cstdint>
#include <string_view>

namespace pvboot::probe {

struct Hex {
  std::uint64_t value;
};
struct Dec {
  std::uint64_t value;
};

class Report {
public:
  template <typename... Parts> void fact(std::string_view key, const Parts&... parts) {
    add("probe: ");
    add(key);
    ((add(" "), add(parts)), ...);
    add("\n");
  }
  /// `what` is what is wrong when `kept` is false; parts give numbers.
  template <typename... Parts> void check(bool kept, std::string_view what, const Parts&... parts) {
    if (kept || ++wrong_ > most_listed)
      return;
    if (first_.empty())
      first_ = what;
    add("probe-wrong: ");
    add(what);
    ((add(" "), add(parts)), ...);
    add("\n");
  }
  void equal(std::uint64_t is, std::uint64_t should, std::string_view what) {
    check(is == should, what, "is", Hex{is}, "not", Hex{should});
  }

  /// What came since the last call.
  std::string_view take() {
    const std::string_view rest(text_ + taken_, used_ - taken_);
    taken_ = used_;
    return rest;
  }
  void verdict();

private:
  static constexpr std::uint64_t most_listed = 40;
  static constexpr std::size_t room = 64 << 10;

  void add(std::string_view text);
  void add(Hex number);
  void add(Dec number);

  char text_[room] = {};
  std::size_t used_ = 0, taken_ = 0;
  std::uint64_t wrong_ = 0;
  std::string_view first_;
};

} // namespace pvboot::probe
