// Which pages of a kernel's memory are whole pages of its file, and which must be put together.
//
// A page of the file becomes a page of memory by renaming its frame, where the file's bytes lie in it as they shall
// lie in memory: offset and address agree modulo 4,096 and nothing but these bytes is in the page. All other pages
// (BSS, edges of segments, gaps, the symbol table) are composed: zeroed, then the parts of the file copied in.
#pragma once

#include "xen/memory/start_of_day.hpp"

#include <vector>

namespace pvboot::xen {

/// `count` file pages from `file_page` on become the memory pages from `to` on.
struct WholePages {
  std::uint64_t file_page = 0;
  Pfn to;
  std::uint64_t count = 0;
  bool operator==(const WholePages&) const = default;
};

/// Bytes of the file that are copied into composed pages.
struct FilePart {
  std::uint64_t file_offset = 0;
  std::uint64_t address = 0; ///< bytes from PFN 0
  std::uint64_t bytes = 0;
  bool operator==(const FilePart&) const = default;
};

struct KernelPages {
  std::vector<WholePages> whole;    ///< in order of `to`
  std::vector<FrameRange> composed; ///< the rest of the kernel's range, in order
  std::vector<FilePart> parts;      ///< all of them inside composed pages
};

/// The segments are disjoint and in order, inside layout.kernel.
KernelPages sort_kernel_pages(const StartOfDay& layout);

} // namespace pvboot::xen
