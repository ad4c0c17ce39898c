// Does what a fault in the loader would do, to show what becomes of it: a report on every console there is, then
// SHUTDOWN_crash. extra= says which: "read" from where nothing is mapped, "write" into a page table, "ud2" as a failed
// check of the compiler's does, "divide" by zero.
//
// It never says "GUEST-CRASH: went on".
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/shutdown.hpp"

namespace {

using namespace pvboot;
using namespace pvboot::xen;

constexpr std::uint64_t nowhere = 0x7000;

void fault(const StartInfo& start) {
  const std::string_view how = start.command_line;
  if (how == "read")
    (void)*reinterpret_cast<const volatile std::uint64_t*>(nowhere);
  else if (how == "write")
    *reinterpret_cast<volatile std::uint64_t*>(start.pt_base.value) = 0;
  else if (how == "ud2")
    __builtin_trap();
  else if (how == "divide")
    asm volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" : : "a"(1), "d"(0) : "ecx", "cc");
}

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  Guest& guest = start_pv_guest(*start);
  guest.console.write("GUEST-CRASH: " + guest.start.command_line + "\n");
  fault(guest.start);
  guest.console.write("GUEST-CRASH: went on\n");
  guest.console.drain(seconds(2));
  shutdown(ShutdownReason::poweroff);
}
