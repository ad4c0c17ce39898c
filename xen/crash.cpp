#include "xen/crash.hpp"

#include "xen/shutdown.hpp"

namespace pvboot::xen {

namespace {
constinit Console* crash_console = nullptr;

// How long the report may take to leave the ring.
constexpr Duration drain_limit = seconds(2);
} // namespace

void set_crash_console(Console* console) { crash_console = console; }

void report(std::string_view text) {
  if (crash_console != nullptr)
    crash_console->write(text);
  if (crash_console == nullptr || crash_console->has_ring())
    emergency_write(text);
}

void report_hex(std::string_view label, std::uint64_t value) {
  char digits[16];
  for (unsigned i = 0; i < sizeof digits; ++i)
    digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  report(label);
  report({digits, sizeof digits});
}

void crash() {
  if (crash_console != nullptr)
    crash_console->drain(drain_limit);
  shutdown(ShutdownReason::crash);
}

} // namespace pvboot::xen
