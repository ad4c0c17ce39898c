// From a kernel's headers and notes to what a layout is made for.
#pragma once

#include "loader/image/kernel_info.hpp"
#include "loader/plan/layout.hpp"

namespace pvboot::plan {

inline Target target_of(const image::KernelInfo& info) {
  Target target;
  for (const image::LoadSegment& load : info.loads)
    target.segments.push_back({load.paddr, load.file_offset, load.file_size, load.memory_size});
  target.entry = info.entry.value;
  if (info.notes.virt_base) {
    target.virt_base = info.virt_base.value;
    target.paddr_offset = info.paddr_offset;
  }
  if (info.hypercall_page)
    target.hypercall_page = info.hypercall_page->value;
  if (info.init_p2m)
    target.init_p2m = info.init_p2m->value;
  target.mod_start_pfn = info.mod_start_pfn;
  target.symbols_bytes = info.bsd_symbols ? info.bsd_symbols->size : 0;
  return target;
}

} // namespace pvboot::plan
