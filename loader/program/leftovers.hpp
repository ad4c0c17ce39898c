// What of the loader's own memory nobody may read after it: its data, its heap, its stack, and its start_info with
// the words of extra=, as ranges that are mapped until the jump. Its code goes too (the wiping itself is done by the
// trampoline), so that the target's padding is as blank as Xen's own builder leaves it.
//
// Left out are the stack's guard page, which is not mapped, and the pages over which frames of others are mapped.
#pragma once

#include "xen/guest.hpp"
#include "xen/memory/handover.hpp"

#include <array>
#include <span>

namespace pvboot::loader {

class Leftovers {
public:
  explicit Leftovers(const xen::Guest& guest);
  std::span<const xen::WipeRange> ranges() const { return {ranges_.data(), count_}; }

private:
  void add(std::uint64_t from, std::uint64_t to);

  std::array<xen::WipeRange, 5> ranges_{};
  static_assert(std::tuple_size_v<decltype(ranges_)> <= xen::Handover::most_wipes);
  std::size_t count_ = 0;
};

} // namespace pvboot::loader
