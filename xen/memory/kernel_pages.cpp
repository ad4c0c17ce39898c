#include "xen/memory/kernel_pages.hpp"

#include "base/checked.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

/// The part of a segment's file bytes that fills memory pages from edge to edge; empty when there is none.
struct WholePart {
  std::uint64_t first = 0, end = 0; // addresses
};

WholePart whole_part(const KernelSegment& s) {
  if (s.file_offset % page_size != s.address % page_size)
    return {};
  const std::uint64_t first = align_up(s.address, page_size);
  const std::uint64_t end = align_down(s.address + s.file_size, page_size);
  return first < end ? WholePart{first, end} : WholePart{};
}

} // namespace

KernelPages sort_kernel_pages(const StartOfDay& layout) {
  KernelPages pages;
  // A page of the file can be renamed only once, whatever a strange kernel's headers say.
  std::vector<FrameRange> used;
  Pfn next = layout.kernel.first;
  for (const KernelSegment& s : layout.segments) {
    WholePart whole = whole_part(s);
    const std::uint64_t file_page = (s.file_offset + (whole.first - s.address)) >> page_shift;
    const FrameRange file_pages{Pfn{file_page}, (whole.end - whole.first) >> page_shift};
    if (std::any_of(used.begin(), used.end(), [&](FrameRange r) { return r.overlaps(file_pages); }))
      whole = {};
    if (whole.first == whole.end) {
      if (s.file_size != 0)
        pages.parts.push_back({s.file_offset, s.address, s.file_size});
      continue;
    }
    used.push_back(file_pages);
    const Pfn to{whole.first >> page_shift};
    if (next < to)
      pages.composed.push_back({next, to - next});
    pages.whole.push_back({file_page, to, file_pages.count});
    next = to + file_pages.count;
    if (s.address < whole.first)
      pages.parts.push_back({s.file_offset, s.address, whole.first - s.address});
    const std::uint64_t tail = s.address + s.file_size - whole.end;
    if (tail != 0)
      pages.parts.push_back({s.file_offset + (whole.end - s.address), whole.end, tail});
  }
  if (next < layout.kernel.end())
    pages.composed.push_back({next, layout.kernel.end() - next});
  return pages;
}

} // namespace pvboot::xen
