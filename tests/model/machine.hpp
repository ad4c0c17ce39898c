// The machine's memory as the model has it: frames that exist once they are looked at.
//
// A guest of any size costs only what is touched. Frames start with bytes that nobody would take for something (a
// target that relies on memory it did not clear shows), but for those that a Source fills, as the pages of a P2M.
#pragma once

#include "base/units.hpp"

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <unordered_map>

namespace pvboot::model {

using Page = std::array<std::byte, page_size>;

class Machine {
public:
  static constexpr std::byte leftover{0xa5};

  Page& page(Mfn frame) {
    auto& page = pages_[frame.value];
    if (!page) {
      page = std::make_unique<Page>();
      page->fill(leftover);
      if (const auto source = sources_.find(frame.value); source != sources_.end())
        source->second(*page);
    }
    return *page;
  }

  std::uint64_t word(Mfn frame, std::uint64_t index) {
    std::uint64_t value;
    std::memcpy(&value, page(frame).data() + index * sizeof value, sizeof value);
    return value;
  }
  void set_word(Mfn frame, std::uint64_t index, std::uint64_t value) {
    std::memcpy(page(frame).data() + index * sizeof value, &value, sizeof value);
  }

  /// Looks at every page that has been touched so far.
  void for_each(const std::function<void(Mfn, const Page&)>& look) const {
    for (const auto& [frame, page] : pages_)
      look(Mfn{frame}, *page);
  }

  /// What a frame holds when it is first looked at.
  void fill_when_touched(Mfn frame, std::function<void(Page&)> source) { sources_[frame.value] = std::move(source); }

private:
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::unordered_map<std::uint64_t, std::function<void(Page&)>> sources_;
};

} // namespace pvboot::model
