// What libbz2's one object for its interface wants besides the decoder: the encoder, and stdio for its functions on
// files. The loader calls none of them; its assertions, which end in exit(), stop the loader.
namespace {

[[noreturn]] void never() { __builtin_trap(); }

} // namespace

extern "C" {

[[noreturn]] void BZ2_compressBlock() { never(); }

// By their symbols: the compiler knows the functions' types and would not have them declared otherwise.
#define PVBOOT_NEVER(symbol)                                                                                           \
  [[gnu::weak, noreturn]] void never_##symbol() asm(#symbol);                                                          \
  void never_##symbol() { never(); }

PVBOOT_NEVER(__ctype_b_loc)
PVBOOT_NEVER(__fprintf_chk)
PVBOOT_NEVER(exit)
PVBOOT_NEVER(fclose)
PVBOOT_NEVER(fdopen)
PVBOOT_NEVER(ferror)
PVBOOT_NEVER(fflush)
PVBOOT_NEVER(fgetc)
PVBOOT_NEVER(fopen64)
PVBOOT_NEVER(fputc)
PVBOOT_NEVER(fread)
PVBOOT_NEVER(fwrite)
PVBOOT_NEVER(ungetc)

[[gnu::weak]] void* stderr = nullptr;
[[gnu::weak]] void* stdin = nullptr;
[[gnu::weak]] void* stdout = nullptr;
}
