#include "xen/quarantine.hpp"

namespace pvboot::xen {

namespace {
struct Lost {
  void* memory;
  std::size_t size;
  Lost* next;
};
constinit Lost* lost = nullptr;
} // namespace

void quarantine(void* memory, std::size_t size) { lost = new Lost{memory, size, lost}; }

std::size_t quarantined_bytes() {
  std::size_t sum = 0;
  for (const Lost* entry = lost; entry != nullptr; entry = entry->next)
    sum += entry->size;
  return sum;
}

} // namespace pvboot::xen
