// The loader's heap: a fixed span of memory, blocks with boundary tags, neighbours joined when they are freed.
//
// Free blocks hang in lists by the power of two of their size; an allocation takes the first block of its own class
// that is large enough, else any of a larger class: time is bounded by the length of one list. Each block has a
// 16-byte header, so every block is aligned to 16; larger alignments are cut out of a larger block.
//
// allocate() gives nullptr when nothing fits. A block that is freed twice, or whose header was overwritten, stops the
// loader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pvboot::rt {

class Heap {
public:
  static constexpr std::size_t alignment = 16;

  /// `memory` is aligned to `alignment` and outlives the heap; it is not touched before the first allocation.
  constexpr explicit Heap(std::span<std::byte> memory) : memory_(memory) {}

  void* allocate(std::size_t size, std::size_t align = alignment);
  void release(void* block);

  struct Statistics {
    std::size_t capacity = 0; ///< bytes, with headers
    std::size_t used = 0;     ///< bytes, with headers
    std::size_t peak = 0;     ///< the most that was used at once
    std::size_t blocks = 0;   ///< in use
  };
  Statistics statistics() const { return {memory_.size(), used_, peak_, blocks_}; }

private:
  struct Block;
  static constexpr std::size_t class_count = 32;

  void begin();
  Block* find(std::size_t size);
  void insert(Block* block);
  void unlink(Block* block);
  Block* next_of(Block* block) const;
  Block* split(Block* block, std::size_t size);

  std::span<std::byte> memory_;
  std::array<Block*, class_count> free_{};
  bool begun_ = false;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::size_t blocks_ = 0;
};

/// The one that operator new takes from.
Heap& heap();

} // namespace pvboot::rt
