// A window that an attempt works with: unmapped, wiped and given back when the attempt is over, unless the target
// has taken it.
#pragma once

#include "xen/memory/address_space.hpp"

#include <utility>

namespace pvboot::loader {

class ScopedWindow {
public:
  ScopedWindow(xen::AddressSpace& memory, const xen::Window& window) : memory_(&memory), window_(window) {}
  ScopedWindow(ScopedWindow&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), window_(other.window_) {}
  ScopedWindow& operator=(ScopedWindow&&) = delete;
  ~ScopedWindow() { release(); }

  /// `bytes` of new memory in whole pages, at least one.
  static Result<ScopedWindow> create(xen::AddressSpace& memory, std::uint64_t bytes, xen::Purpose purpose) {
    return ScopedWindow(memory, TRY(memory.map_new(pages_for(bytes == 0 ? 1 : bytes), purpose)));
  }

  const xen::Window& window() const { return window_; }
  MutBytes span() const { return window_.span(); }

  void release() {
    if (memory_ != nullptr)
      (void)std::exchange(memory_, nullptr)->release(window_, xen::AddressSpace::Leave::wiped);
  }

  /// A device may still write to it: it stays mapped, and nobody is ever given its frames.
  void quarantine() {
    xen::AddressSpace& memory = *std::exchange(memory_, nullptr);
    for (std::uint64_t at = 0; at < window_.bytes(); at += page_size)
      (void)memory.quarantine(window_.span().data() + at);
  }

  /// The target has it from now on.
  void keep() { memory_ = nullptr; }

private:
  xen::AddressSpace* memory_;
  xen::Window window_;
};

} // namespace pvboot::loader
