#include "base/block_reader.hpp"

#include "base/bulk_read.hpp"
#include "base/checked.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <new>

namespace pvboot {

namespace {
constexpr std::uint64_t nowhere = ~std::uint64_t{0};
}

struct BlockReader::Line {
  alignas(4096) std::byte bytes[line_size];
  std::uint64_t start = nowhere;
  std::uint64_t used = 0;
};

BlockReader::BlockReader(BlockSource& source, std::size_t lines) : source_(source), size_(source.geometry().size) {
  lines_.resize(std::max<std::size_t>(lines, 1));
}

BlockReader::~BlockReader() = default;

Result<void> BlockReader::read(std::uint64_t offset, MutBytes out) {
  if (offset > size_ || out.size() > size_ - offset)
    return fail(Code::corrupt, "read past the end of the device", source_.name());
  while (!out.empty()) {
    const std::uint64_t start = align_down<std::uint64_t>(offset, line_size);
    Line* line = TRY(line_at(start));
    const std::size_t skip = static_cast<std::size_t>(offset - start);
    const std::size_t count = std::min(out.size(), line_size - skip);
    std::memcpy(out.data(), line->bytes + skip, count);
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

Result<BlockReader::Line*> BlockReader::line_at(std::uint64_t start) {
  std::unique_ptr<Line>* oldest = &lines_.front();
  for (auto& slot : lines_) {
    if (slot && slot->start == start) {
      slot->used = ++clock_;
      return slot.get();
    }
    if (*oldest && (!slot || slot->used < (*oldest)->used))
      oldest = &slot;
  }
  if (!*oldest)
    *oldest = std::make_unique_for_overwrite<Line>();
  Line& line = **oldest;
  line.start = nowhere;
  line.used = ++clock_;
  bool quarantined = false;
  BulkRead bulk(source_, &quarantined);
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(line_size, size_ - start));
  auto result = bulk.read(start, MutBytes(line.bytes, count));
  if (quarantined)
    (void)oldest->release();
  if (!result)
    return std::unexpected(std::move(result).error().at("offset " + dec(start)));
  line.start = start;
  return &line;
}

} // namespace pvboot
