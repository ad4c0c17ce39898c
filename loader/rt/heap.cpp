#include "loader/rt/heap.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace pvboot::rt {

namespace {
// Told from each other and from text by their bits; checked whenever a block is touched.
constexpr std::uint32_t used_mark = 0x5553ed01;
constexpr std::uint32_t free_mark = 0xf4eeb10c;
} // namespace

// The header of a block; what follows it belongs to the user, or to the list while the block is free.
struct Heap::Block {
  std::uint32_t mark;
  std::uint32_t before; // size of the block before this one, in units of `alignment`; 0 for the first
  std::uint64_t size;   // bytes, with this header

  struct Links {
    Block* next;
    Block* previous;
  };
  Links& links() { return *reinterpret_cast<Links*>(this + 1); }
  Block* previous_block() {
    return reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(this) - std::size_t{before} * alignment);
  }
};

namespace {
constexpr std::size_t header_size = 16;
constexpr std::size_t smallest_block = header_size + 16;

std::size_t class_of(std::size_t size) { return static_cast<std::size_t>(std::bit_width(size)) - 1; }
std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) & ~(unit - 1); }
} // namespace

void Heap::begin() {
  static_assert(sizeof(Block) == header_size && sizeof(Block::Links) <= smallest_block - header_size);
  begun_ = true;
  auto* block = new (memory_.data()) Block{free_mark, 0, memory_.size() & ~(alignment - 1)};
  insert(block);
}

void Heap::insert(Block* block) {
  Block*& first = free_[std::min(class_of(block->size), class_count - 1)];
  block->mark = free_mark;
  block->links() = {first, nullptr};
  if (first != nullptr)
    first->links().previous = block;
  first = block;
}

void Heap::unlink(Block* block) {
  const auto [next, previous] = block->links();
  if (next != nullptr)
    next->links().previous = previous;
  if (previous != nullptr)
    previous->links().next = next;
  else
    free_[std::min(class_of(block->size), class_count - 1)] = next;
}

Heap::Block* Heap::next_of(Block* block) const {
  auto* next = reinterpret_cast<std::byte*>(block) + block->size;
  return next + smallest_block <= memory_.data() + memory_.size() ? reinterpret_cast<Block*>(next) : nullptr;
}

Heap::Block* Heap::find(std::size_t size) {
  for (std::size_t k = std::min(class_of(size), class_count - 1); k < class_count; ++k)
    for (Block* block = free_[k]; block != nullptr; block = block->links().next)
      if (block->size >= size)
        return block;
  return nullptr;
}

// Cuts `block` down to `size`; the rest, where it is worth a block, is returned unlinked.
Heap::Block* Heap::split(Block* block, std::size_t size) {
  if (block->size - size < smallest_block)
    return nullptr;
  auto* rest = new (reinterpret_cast<std::byte*>(block) + size)
      Block{free_mark, static_cast<std::uint32_t>(size / alignment), block->size - size};
  block->size = size;
  if (Block* next = next_of(rest); next != nullptr)
    next->before = static_cast<std::uint32_t>(rest->size / alignment);
  return rest;
}

void* Heap::allocate(std::size_t size, std::size_t align) {
  if (!begun_)
    begin();
  if (size > memory_.size() || align > memory_.size())
    return nullptr;
  const std::size_t need = std::max(round_up(size, alignment) + header_size, smallest_block);
  // Enough to move the start up to the alignment and leave a block of its own in front.
  Block* block = find(align <= alignment ? need : need + align + smallest_block);
  if (block == nullptr)
    return nullptr;
  unlink(block);
  if (align > alignment) {
    const auto start = reinterpret_cast<std::uintptr_t>(block);
    if ((start + header_size) % align != 0) {
      const std::uintptr_t moved = round_up(start + smallest_block + header_size, align) - header_size;
      Block* aligned = split(block, moved - start);
      insert(block);
      block = aligned;
    }
  }
  if (Block* rest = split(block, need); rest != nullptr)
    insert(rest);
  block->mark = used_mark;
  used_ += block->size;
  peak_ = std::max(peak_, used_);
  ++blocks_;
  return block + 1;
}

void Heap::release(void* memory) {
  if (memory == nullptr)
    return;
  Block* block = static_cast<Block*>(memory) - 1;
  if (block->mark != used_mark)
    __builtin_trap();
  used_ -= block->size;
  --blocks_;
  if (Block* next = next_of(block); next != nullptr && next->mark == free_mark) {
    unlink(next);
    next->mark = 0;
    block->size += next->size;
  }
  if (block->before != 0 && block->previous_block()->mark == free_mark) {
    Block* previous = block->previous_block();
    unlink(previous);
    block->mark = 0;
    previous->size += block->size;
    block = previous;
  }
  if (Block* next = next_of(block); next != nullptr)
    next->before = static_cast<std::uint32_t>(block->size / alignment);
  insert(block);
}

} // namespace pvboot::rt
