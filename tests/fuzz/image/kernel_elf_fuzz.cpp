// Hostile ELF files and notes, seen from growing prefixes: once the facts are known they stay the same, and what is
// called bootable has addresses that can be computed with.
#include "loader/image/kernel_info.hpp"

#include <cstdlib>

using namespace pvboot;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

void check_bootable(const image::KernelInfo& info, Bytes file) {
  require(!info.loads.empty() && info.loads.size() <= image::max_loads);
  require(info.kernel_start >= info.virt_base && info.kernel_end > info.kernel_start);
  require(info.entry >= info.kernel_start && info.entry < info.kernel_end);
  require(info.image_end <= file.size());
  for (const image::LoadSegment& load : info.loads) {
    require(load.file_size <= load.memory_size);
    require(load.target <= info.kernel_end - info.virt_base);
    require(load.memory_size <= info.kernel_end - info.virt_base - load.target);
  }
  if (info.bsd_symbols && info.bsd_symbols->size < (1 << 20)) {
    std::vector<std::byte> out(info.bsd_symbols->size);
    static_cast<void>(info.bsd_symbols->write(file, out));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes file = std::as_bytes(std::span(data, size));
  bool known = false;
  image::KernelInfo first;
  for (std::size_t part = 1; part <= 8; ++part) {
    const auto info = image::read_kernel_info(file.first(size * part / 8), part == 8);
    if (!info) {
      // More bytes do not take back what was known; only the whole file shows that a segment is not all there.
      require(!known || (part == 8 && first.image_end > size));
      return 0;
    }
    require(part < 8 || info->has_value());
    require(!known || info->has_value());
    if (!known && *info)
      first = **info;
    known = info->has_value();
    if (known)
      require(first.entry == (*info)->entry && first.loads.size() == (*info)->loads.size() &&
              first.kernel_end == (*info)->kernel_end);
  }
  if (image::bootable_pv(first))
    check_bootable(first, file);
  return 0;
}
