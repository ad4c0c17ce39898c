#include "fs/codec/arena.hpp"

#include "base/checked.hpp"

namespace pvboot::codec {

namespace {

/// Stands in the `alignment` bytes before each block.
struct Mark {
  std::size_t below; ///< offset of the mark of the block below
  bool released;
};
static_assert(sizeof(Mark) <= Arena::alignment);

} // namespace

Arena::Arena(MutBytes memory) : memory_(memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto skip = align_up<std::uintptr_t>(address, alignment) - address;
  memory_ = skip <= memory.size() ? memory.subspan(skip) : MutBytes{};
}

void* Arena::allocate(std::size_t size) {
  const auto padded = checked_align_up<std::size_t>(size, alignment);
  const auto taken = padded ? checked_add<std::size_t>(*padded, alignment) : std::nullopt;
  if (!taken || *taken > memory_.size() - used_)
    return nullptr;
  const Mark mark{.below = top_, .released = false};
  std::memcpy(memory_.data() + used_, &mark, sizeof(mark));
  std::byte* block = memory_.data() + used_ + alignment;
  top_ = used_;
  used_ += *taken;
  peak_ = used_ > peak_ ? used_ : peak_;
  return block;
}

void Arena::release(void* block) {
  if (block == nullptr)
    return;
  const auto read = [](const std::byte* at) {
    Mark mark{};
    std::memcpy(&mark, at, sizeof(mark));
    return mark;
  };
  std::byte* const own = static_cast<std::byte*>(block) - alignment;
  Mark mark = read(own);
  mark.released = true;
  std::memcpy(own, &mark, sizeof(mark));
  while (used_ != 0) {
    const Mark top = read(memory_.data() + top_);
    if (!top.released)
      return;
    used_ = top_;
    top_ = top.below;
  }
}

} // namespace pvboot::codec
