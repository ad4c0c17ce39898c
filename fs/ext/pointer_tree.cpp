#include "fs/ext/pointer_tree.hpp"

#include "base/text.hpp"

namespace pvboot::fs::ext {

namespace {

std::uint32_t pointer_at(Bytes pointers, std::uint64_t index) {
  le32 field;
  std::memcpy(&field, pointers.data() + index * sizeof field, sizeof field);
  return field.get();
}

} // namespace

PointerTree::PointerTree(Volume& volume, const Inode& inode)
    : volume_(volume), root_(inode.block), per_block_(volume.layout().block_size / sizeof(le32)) {}

BlockNumber PointerTree::root_pointer(unsigned index) const { return {pointer_at(root_, index)}; }

Result<Mapping> PointerTree::find(FileBlock block) {
  if (block.value < direct_count)
    return TRY_AT(run_in(Bytes(root_).first(direct_count * sizeof(le32)), block.value), "direct pointers");
  std::uint64_t inside = block.value - direct_count;
  std::uint64_t span = per_block_;
  for (unsigned depth = 1; depth <= max_depth; ++depth) {
    if (inside < span)
      return find_indirect(root_pointer(direct_count + depth - 1), depth, inside);
    inside -= span;
    span *= per_block_;
  }
  return fail(Code::corrupt, "the file is larger than block pointers can say");
}

Result<Mapping> PointerTree::find_indirect(BlockNumber top, unsigned depth, std::uint64_t inside) {
  std::uint64_t span = 1; // file blocks behind one pointer of the block at hand
  for (unsigned i = 1; i < depth; ++i)
    span *= per_block_;
  BlockNumber at = top;
  for (;; span /= per_block_) {
    if (at.value == 0)
      return Mapping{false, {}, span * per_block_ - inside};
    if (span == 1)
      break;
    const std::string place = "indirect block " + dec(at.value);
    TRY_AT(volume_.layout().check_blocks(at, 1), place);
    const std::uint64_t offset = volume_.byte_offset(at) + inside / span * sizeof(le32);
    at = {TRY_AT(volume_.device().read_as<le32>(offset), place).get()};
    inside %= span;
  }
  const std::string place = "indirect block " + dec(at.value);
  TRY_AT(load_leaf(at), place);
  return TRY_AT(run_in(leaf_, inside), place);
}

Result<void> PointerTree::load_leaf(BlockNumber at) {
  if (leaf_at_ == at)
    return {};
  leaf_at_ = {};
  leaf_.resize(volume_.layout().block_size);
  TRY(volume_.read_block(at, leaf_));
  leaf_at_ = at;
  return {};
}

Result<Mapping> PointerTree::run_in(Bytes pointers, std::uint64_t index) const {
  const std::uint64_t end = pointers.size() / sizeof(le32);
  const std::uint32_t first = pointer_at(pointers, index);
  std::uint64_t count = 1;
  while (index + count < end && pointer_at(pointers, index + count) == (first == 0 ? 0 : first + count))
    ++count;
  if (first == 0)
    return Mapping{false, {}, count};
  TRY(volume_.layout().check_blocks({first}, count));
  return Mapping{true, {first}, count};
}

} // namespace pvboot::fs::ext
