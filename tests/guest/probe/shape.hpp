// What the probe that runs asks of a loader. One source is linked in several shapes (shapes/*.h); notes.S writes the
// notes and, for the probe itself, this record of them.
#pragma once

#include <cstdint>

namespace pvboot::probe {

struct Shape {
  const char* name;
  std::uint64_t virt_base;
  std::uint64_t entry;
  std::uint64_t kernel_start;   ///< first byte of the first segment
  std::uint64_t kernel_end;     ///< after the last byte of the last segment
  std::uint64_t own_start;      ///< from here on the probe writes to its own image
  std::uint64_t init_p2m;       ///< 0: none
  std::uint64_t hypercall_page; ///< 0: none
  std::uint64_t mod_start_pfn;
  std::uint64_t bsd_symtab;
};

} // namespace pvboot::probe

extern "C" {
extern const pvboot::probe::Shape probe_shape;
extern const std::uint64_t probe_untouched_start[], probe_untouched_end[]; ///< of the BSS that nobody writes to
}
