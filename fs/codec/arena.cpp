#include "fs/codec/arena.hpp"

#include "base/checked.hpp"

namespace pvboot::codec {

namespace {

/// Stands in the `alignment` bytes before each block.
struct Mark {
  std::size_t begin; ///< `used_` before the block was taken
  std::size_t end;   ///< and after
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
  const Mark mark{used_, used_ + *taken};
  std::memcpy(memory_.data() + used_, &mark, sizeof(mark));
  std::byte* block = memory_.data() + used_ + alignment;
  used_ = mark.end;
  peak_ = used_ > peak_ ? used_ : peak_;
  return block;
}

void Arena::release(void* block) {
  if (block == nullptr)
    return;
  Mark mark{};
  std::memcpy(&mark, static_cast<std::byte*>(block) - alignment, sizeof(mark));
  if (mark.end == used_)
    used_ = mark.begin;
}

} // namespace pvboot::codec
