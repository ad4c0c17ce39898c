#include "lost_pages.hpp"

#include "base/units.hpp"
#include "xen/quarantine.hpp"

#include <algorithm>
#include <new>
#include <sanitizer/asan_interface.h>
#include <span>
#include <vector>

namespace pvboot::xen {

namespace {

std::vector<std::span<std::byte>>& lost() {
  static std::vector<std::span<std::byte>> all;
  return all;
}

} // namespace

void quarantine(void* memory, std::size_t size) {
  ASAN_POISON_MEMORY_REGION(memory, size);
  lost().emplace_back(static_cast<std::byte*>(memory), size);
}

std::size_t quarantined_bytes() {
  std::size_t sum = 0;
  for (const auto& memory : lost())
    sum += memory.size();
  return sum;
}

bool is_lost(const std::byte* page) {
  return std::ranges::any_of(lost(), [&](std::span<std::byte> memory) {
    return page >= memory.data() && page < memory.data() + memory.size();
  });
}

void give_lost_pages_back() {
  for (const auto& memory : lost()) {
    ASAN_UNPOISON_MEMORY_REGION(memory.data(), memory.size());
    ::operator delete(memory.data(), std::align_val_t{page_size});
  }
  lost().clear();
}

} // namespace pvboot::xen
