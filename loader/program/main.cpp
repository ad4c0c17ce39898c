// The first C++ of the loader, called by entry.S on the loader's own stack.
#include "loader/program/build_id.hpp"
#include "loader/program/run.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  pvboot::xen::Guest& guest = pvboot::xen::start_pv_guest(*start);
  guest.console.write(pvboot::loader::version_line() + "\n");
  pvboot::loader::run(guest);
}
