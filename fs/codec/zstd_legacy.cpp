// The formats before Zstandard 1.0, which Debian's libzstd can read and the loader never asks it to: a stream is
// given to libzstd only when it begins with the magic of today's format. These stand in for the three old decoders,
// which would be a fifth of all decoding code; each gives nothing, which libzstd takes for a failure.
extern "C" {

// NOLINTBEGIN(bugprone-macro-parentheses): it makes parts of names
#define PVBOOT_NO_ZSTD(version)                                                                                        \
  void* ZBUFFv##version##_createDCtx() { return nullptr; }                                                             \
  void* ZBUFFv##version##_decompressContinue() { return nullptr; }                                                     \
  void* ZBUFFv##version##_decompressInitDictionary() { return nullptr; }                                               \
  void* ZBUFFv##version##_freeDCtx() { return nullptr; }                                                               \
  void* ZSTDv##version##_createDCtx() { return nullptr; }                                                              \
  void* ZSTDv##version##_decompress_usingDict() { return nullptr; }                                                    \
  void* ZSTDv##version##_findFrameSizeInfoLegacy() { return nullptr; }                                                 \
  void* ZSTDv##version##_freeDCtx() { return nullptr; }                                                                \
  void* ZSTDv##version##_getFrameParams() { return nullptr; }

// NOLINTEND(bugprone-macro-parentheses)
PVBOOT_NO_ZSTD(05)
PVBOOT_NO_ZSTD(06)
PVBOOT_NO_ZSTD(07)
}
