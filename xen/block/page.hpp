// Single pages of the loader's own for a backend to map. They come zeroed: a grant shows the whole page, and what the
// heap held there before is nobody else's business.
#pragma once

#include "base/units.hpp"

#include <cstring>
#include <memory>
#include <new>

namespace pvboot::xen {

struct PageDeleter {
  void operator()(std::byte* page) const { ::operator delete(page, std::align_val_t{page_size}); }
};
using Page = std::unique_ptr<std::byte, PageDeleter>;

inline Page new_page() {
  Page page(static_cast<std::byte*>(::operator new(page_size, std::align_val_t{page_size})));
  std::memset(page.get(), 0, page_size);
  return page;
}

} // namespace pvboot::xen
