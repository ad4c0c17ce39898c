// operator new and delete over the loader's one heap: 8 MiB, fixed. Parsers bound what they allocate, so running out
// is a bug of ours or a disk beyond all bounds: the loader stops and says so. The nothrow forms return null.
#include "loader/rt/heap.hpp"
#include "xen/crash.hpp"

#include <new>

namespace pvboot::rt {

namespace {
constexpr std::size_t heap_size = 8u << 20;
alignas(4096) constinit std::byte heap_memory[heap_size] = {};
constinit Heap the_heap{heap_memory};

void* allocate_or_stop(std::size_t size, std::size_t align = Heap::alignment) {
  void* block = the_heap.allocate(size, align);
  if (block == nullptr) {
    xen::report_hex("\npvboot: out of memory: the heap of 8 MiB has no room for 0x", size);
    xen::report_hex(" bytes more; in use 0x", the_heap.statistics().used);
    xen::crash("\n");
  }
  return block;
}
} // namespace

Heap& heap() { return the_heap; }

} // namespace pvboot::rt

using pvboot::rt::allocate_or_stop;
using pvboot::rt::heap;

void* operator new(std::size_t size) { return allocate_or_stop(size); }
void* operator new[](std::size_t size) { return allocate_or_stop(size); }
void* operator new(std::size_t size, std::align_val_t align) {
  return allocate_or_stop(size, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t size, std::align_val_t align) {
  return allocate_or_stop(size, static_cast<std::size_t>(align));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return heap().allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return heap().allocate(size); }
void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return heap().allocate(size, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return heap().allocate(size, static_cast<std::size_t>(align));
}

void operator delete(void* block) noexcept { heap().release(block); }
void operator delete[](void* block) noexcept { heap().release(block); }
void operator delete(void* block, std::size_t) noexcept { heap().release(block); }
void operator delete[](void* block, std::size_t) noexcept { heap().release(block); }
void operator delete(void* block, std::align_val_t) noexcept { heap().release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { heap().release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { heap().release(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { heap().release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { heap().release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { heap().release(block); }
