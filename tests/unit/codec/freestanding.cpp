// The decoders as the loader has them: freestanding, at the loader's kind of address, on Debian's archives alone. As
// a Linux program it decodes standard input (at most 64 MiB) to standard output, so that a test can compare.
//
// Exit status: 0 decoded, 1 refused (the reason is on standard error), 2 no memory for a buffer.
#include "fs/codec/decoder.hpp"

#include <new>
#include <sys/syscall.h>

namespace {

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result = number;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

[[noreturn]] void leave(int status) {
  for (;;)
    call(SYS_exit_group, status);
}

pvboot::MutBytes map(std::size_t size) {
  constexpr long read_write = 3;
  constexpr long private_anonymous = 0x22;
  const long address = call(SYS_mmap, 0, static_cast<long>(size), read_write, private_anonymous, -1, 0);
  if (address < 0)
    leave(2);
  return {reinterpret_cast<std::byte*>(address), size};
}

std::size_t read_all(pvboot::MutBytes into) {
  std::size_t filled = 0;
  for (;;) {
    const pvboot::MutBytes rest = into.subspan(filled);
    const long got = call(SYS_read, 0, reinterpret_cast<long>(rest.data()), static_cast<long>(rest.size()));
    if (got <= 0)
      return filled;
    filled += static_cast<std::size_t>(got);
  }
}

void write_all(int to, pvboot::Bytes bytes) {
  while (!bytes.empty()) {
    const long put = call(SYS_write, to, reinterpret_cast<long>(bytes.data()), static_cast<long>(bytes.size()));
    if (put <= 0)
      leave(2);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

std::size_t heap_used = 0;

pvboot::Result<void> run() {
  using namespace pvboot;
  constexpr std::size_t buffer_size = 64 << 20;
  const MutBytes buffer = map(buffer_size);
  const Bytes input = buffer.first(read_all(buffer));
  const Bytes head = input.first(input.size() < codec::head_size ? input.size() : codec::head_size);
  const auto codec = codec::detect(head);
  if (!codec)
    return fail(Code::unsupported, "no known compression");
  codec::Arena arena(map(TRY(codec::memory_needed(*codec, head))));
  const MutBytes window = map(buffer_size);
  const auto decoder = TRY(codec::open_decoder(*codec, arena, window));
  TRY(decoder->feed(input));
  TRY(decoder->finish());
  write_all(1, window.first(decoder->produced()));
  return {};
}

} // namespace

void* operator new(std::size_t size) {
  alignas(64) static std::byte heap[1 << 20];
  const std::size_t at = heap_used;
  heap_used += (size + 63) & ~std::size_t{63};
  if (heap_used > sizeof(heap))
    leave(2);
  return heap + at;
}
void operator delete(void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}

extern "C" {

void abort() noexcept { leave(2); }
[[noreturn]] void __cxa_pure_virtual() { leave(2); }

void* memmove(void* to, const void* from, std::size_t size) {
  auto* t = static_cast<std::byte*>(to);
  const auto* f = static_cast<const std::byte*>(from);
  if (t <= f)
    for (std::size_t i = 0; i < size; ++i)
      t[i] = f[i];
  else
    for (std::size_t i = size; i-- > 0;)
      t[i] = f[i];
  return to;
}
void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) { return memmove(to, from, size); }
void* memset(void* to, int value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    static_cast<std::byte*>(to)[i] = static_cast<std::byte>(value);
  return to;
}
int memcmp(const void* a, const void* b, std::size_t size) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (std::size_t i = 0; i < size; ++i)
    if (x[i] != y[i])
      return x[i] < y[i] ? -1 : 1;
  return 0;
}
std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length] != '\0')
    ++length;
  return length;
}
/// <cstring> declares C++'s two overloads of memchr instead of C's one function.
void* find_byte(const void* in, int value, std::size_t size) asm("memchr");
void* find_byte(const void* in, int value, std::size_t size) {
  const auto* at = static_cast<const unsigned char*>(in);
  for (std::size_t i = 0; i < size; ++i)
    if (at[i] == static_cast<unsigned char>(value))
      return const_cast<unsigned char*>(at + i);
  return nullptr;
}

/// What the archives' stack protector reads at %fs:0x28 has to be there, as in the loader.
[[gnu::used, noreturn]] void start_on_aligned_stack() {
  constexpr long set_fs = 0x1002;
  static std::uint64_t thread_block[8] = {};
  thread_block[5] = 0x5ca1ab1e;
  call(SYS_arch_prctl, set_fs, reinterpret_cast<long>(thread_block));
  const auto result = run();
  if (result)
    leave(0);
  write_all(2, pvboot::as_bytes(result.error().text()));
  write_all(2, pvboot::as_bytes("\n"));
  leave(1);
}
}

namespace std {
void __throw_length_error(const char*) { leave(2); }
void __throw_logic_error(const char*) { leave(2); }
void __throw_out_of_range_fmt(const char*, ...) { leave(2); }
void __throw_bad_array_new_length() { leave(2); }
void __throw_bad_alloc() { leave(2); }
template class basic_string<char>;
} // namespace std

asm(".globl _start\n_start:\n  and $-16, %rsp\n  call start_on_aligned_stack\n");
