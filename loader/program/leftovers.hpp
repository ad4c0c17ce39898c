// What of the loader's own memory nobody may read after it: its data, its heap and its stack, as ranges that are
// mapped until the jump.
//
// Left out are the stack's guard page, which is not mapped, and the pages over which frames of others are mapped.
#pragma once

#include "xen/memory/handover.hpp"

#include <array>
#include <span>

namespace pvboot::loader {

class Leftovers {
public:
  Leftovers();
  std::span<const xen::WipeRange> ranges() const { return {ranges_.data(), count_}; }

private:
  void add(std::uint64_t from, std::uint64_t to);

  std::array<xen::WipeRange, 4> ranges_{};
  std::size_t count_ = 0;
};

} // namespace pvboot::loader
