// Which machine frame lies under an address of ours: what a grant needs to know.
//
// The bootstrap region answers from its P2M (BootstrapFrames); an address space with windows of its own answers for
// those too (xen/memory/); a test's memory invents frames. Asked for a range page by page; an address that the
// loader has not mapped has no frame.
#pragma once

#include "base/units.hpp"

#include <optional>
#include <span>

namespace pvboot::xen {

class FrameLookup {
public:
  virtual ~FrameLookup() = default;
  virtual std::optional<Mfn> frame_of(const void* address) const = 0;
};

/// The region in which VA = base + pfn * 4096, as long as its frames keep their names.
class BootstrapFrames final : public FrameLookup {
public:
  /// `p2m` names the frames of the region's pages in order.
  BootstrapFrames(GuestVirt base, std::span<const std::uint64_t> p2m) : base_(base), p2m_(p2m) {}

  std::optional<Mfn> frame_of(const void* address) const override {
    const std::uint64_t va = reinterpret_cast<std::uint64_t>(address);
    if (va < base_.value || ((va - base_.value) >> page_shift) >= p2m_.size())
      return std::nullopt;
    return Mfn{p2m_[(va - base_.value) >> page_shift]};
  }

private:
  GuestVirt base_;
  std::span<const std::uint64_t> p2m_;
};

} // namespace pvboot::xen
