// What compiled C++ and libstdc++'s headers expect of a run-time library. There are no exceptions: whatever would
// throw is a bug of ours, and stops the loader with its name.
#include "xen/crash.hpp"

#include <cstdlib>
#include <string>

namespace {

[[noreturn]] void stop(const char* what, const char* detail = "") {
  pvboot::xen::report("\npvboot: stopped: ");
  pvboot::xen::report(what);
  pvboot::xen::report(" ");
  pvboot::xen::report(detail);
  pvboot::xen::crash("\n  this is a bug in pvboot: please report it\n");
}

} // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the names are the ABI's.
void abort() noexcept { stop("abort"); }
[[noreturn]] void __cxa_pure_virtual() { stop("pure virtual call"); }
[[noreturn]] void __cxa_deleted_virtual() { stop("deleted virtual call"); }
[[noreturn]] void __stack_chk_fail() { stop("stack smashed"); }
[[noreturn]] void __chk_fail() { stop("buffer overrun"); }

// std::popcount on a CPU that may lack the instruction [libgcc's interface].
int __popcountdi2(unsigned long value) {
  int bits = 0;
  for (; value != 0; value &= value - 1)
    ++bits;
  return bits;
}
// NOLINTEND(bugprone-reserved-identifier)
}

namespace std {
void __throw_length_error(const char* what) { stop("length error", what); }
void __throw_logic_error(const char* what) { stop("logic error", what); }
void __throw_out_of_range(const char* what) { stop("out of range", what); }
void __throw_out_of_range_fmt(const char* what, ...) { stop("out of range", what); }
void __throw_invalid_argument(const char* what) { stop("invalid argument", what); }
void __throw_bad_alloc() { stop("bad allocation"); }
void __throw_bad_array_new_length() { stop("bad array length"); }
void __throw_bad_function_call() { stop("empty function called"); }

// libstdc++ declares it `extern template`; here is the one copy.
template class basic_string<char>;
} // namespace std
