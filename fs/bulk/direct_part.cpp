#include "fs/bulk/direct_part.hpp"

#include "base/checked.hpp"

#include <algorithm>

namespace pvboot::fs {

DirectPart direct_part(const Run& run, MutBytes out, std::uint64_t file_size) {
  if (run.kind != Run::Kind::disk)
    return {};
  const BlockGeometry shape = run.source->geometry();
  if (run.disk_offset % shape.block_size != 0 || reinterpret_cast<std::uintptr_t>(out.data()) % 512 != 0)
    return {};
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(run.length, out.size()));
  const std::size_t rounded = align_up<std::size_t>(length, shape.block_size);
  const bool ends_file = run.offset + length == file_size;
  if (ends_file && rounded <= out.size() && rounded <= shape.size - run.disk_offset)
    return {length, rounded};
  const std::size_t whole = align_down<std::size_t>(length, shape.block_size);
  return {whole, whole};
}

} // namespace pvboot::fs
