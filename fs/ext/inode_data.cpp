#include "fs/ext/inode_data.hpp"

#include "base/text.hpp"
#include "fs/ext/inline_data.hpp"

#include <algorithm>

namespace pvboot::fs::ext {

namespace {

// Bounds the work of one run_at on a tree that a hostile disk has cut into single blocks.
constexpr unsigned max_joined = 4096;

bool follows(const Mapping& next, const Mapping& run) {
  if (next.on_disk != run.on_disk)
    return false;
  return !run.on_disk || next.block == run.block + run.count;
}

} // namespace

Result<std::unique_ptr<InodeData>> InodeData::open(Volume& volume, const Inode& inode) {
  std::unique_ptr<InodeData> data(new InodeData(volume, inode));
  TRY_AT(data->prepare(inode), data->place());
  return data;
}

Result<void> InodeData::prepare(const Inode& inode) {
  if (inode.has(inode_flag::encrypted))
    return fail(Code::unsupported, "encrypted");
  if (inode.has(inode_flag::inline_data)) {
    inline_ = TRY(read_inline_data(inode));
    return {};
  }
  if (size_ / volume_.layout().block_size >= BlockMap::max_blocks)
    return fail(Code::corrupt, "impossible size");
  map_ = BlockMap::of(volume_, inode);
  return {};
}

std::string InodeData::place() const { return "inode " + dec(number_.value); }

Result<Run> InodeData::run_at(std::uint64_t offset) {
  if (offset >= size_)
    return fail(Code::invalid, "read past the end of the file", place());
  if (map_ == nullptr)
    return inline_run(offset);
  if (offset < last_.offset || offset - last_.offset >= last_.length)
    last_ = TRY_AT(joined_run({offset / volume_.layout().block_size}), place());
  Run run = last_;
  const std::uint64_t skipped = offset - last_.offset;
  run.offset = offset;
  run.length -= skipped;
  if (run.kind == Run::Kind::disk)
    run.disk_offset += skipped;
  return run;
}

Run InodeData::inline_run(std::uint64_t offset) const {
  if (offset >= inline_.size())
    return Run{.kind = Run::Kind::zeroes, .offset = offset, .length = size_ - offset};
  const Bytes rest = Bytes(inline_).subspan(static_cast<std::size_t>(offset));
  return Run{.kind = Run::Kind::inline_bytes, .offset = offset, .length = rest.size(), .bytes = rest};
}

Result<Run> InodeData::joined_run(FileBlock first) {
  const std::uint64_t block_size = volume_.layout().block_size;
  const std::uint64_t blocks = (size_ - 1) / block_size + 1;
  Mapping run = TRY(map_->find(first));
  for (unsigned i = 0; i < max_joined && first.value + run.count < blocks; ++i) {
    const Mapping next = TRY(map_->find(first + run.count));
    if (!follows(next, run))
      break;
    run.count += next.count;
  }
  Run out;
  out.offset = first.value * block_size;
  out.length = std::min(run.count, blocks - first.value) * block_size;
  out.length = std::min(out.length, size_ - out.offset);
  if (run.on_disk) {
    out.kind = Run::Kind::disk;
    out.source = &volume_.device().source();
    out.disk_offset = volume_.byte_offset(run.block);
  }
  return out;
}

Result<void> InodeData::read(std::uint64_t offset, MutBytes out) {
  if (offset > size_ || out.size() > size_ - offset)
    return fail(Code::invalid, "read past the end of the file", place());
  return read_inside(offset, out);
}

Result<void> InodeData::read_inside(std::uint64_t offset, MutBytes out) {
  while (!out.empty()) {
    const Run run = TRY(run_at(offset));
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(run.length, out.size()));
    TRY_AT(copy_run(run, out.first(count)), place());
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

Result<void> InodeData::copy_run(const Run& run, MutBytes out) {
  switch (run.kind) {
  case Run::Kind::disk: return volume_.device().read(run.disk_offset, out);
  case Run::Kind::inline_bytes: std::memcpy(out.data(), run.bytes.data(), out.size()); return {};
  default: std::memset(out.data(), 0, out.size()); return {};
  }
}

} // namespace pvboot::fs::ext
