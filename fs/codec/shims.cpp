// What Debian's decoding archives want from a C library and the loader does not have.
//
// Every decoder is given the arena for its memory, so the allocator of the C library must never be reached: these
// give nothing, which the libraries take for exhausted memory. The stack protector's report ends in the loader's
// exception handler. All are weak: a runtime that has its own wins. memcpy, memmove, memset and memcmp are the
// loader's runtime's.
#include <cstddef>

extern "C" {

[[gnu::weak]] void* malloc(std::size_t) { return nullptr; }
[[gnu::weak]] void* calloc(std::size_t, std::size_t) { return nullptr; }
[[gnu::weak]] void free(void*) {}
[[gnu::weak, noreturn]] void __stack_chk_fail() { __builtin_trap(); } // NOLINT(bugprone-reserved-identifier): GCC's

[[gnu::weak]] unsigned long long ZSTD_trace_decompress_begin(const void*) { return 0; }
[[gnu::weak]] void ZSTD_trace_decompress_end(unsigned long long, const void*) {}
}
