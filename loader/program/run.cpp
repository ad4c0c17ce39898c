#include "loader/program/run.hpp"

#include "base/text.hpp"
#include "xen/shutdown.hpp"

namespace pvboot::loader {

void run(xen::Guest& guest) {
  guest.console.write("memory: " + human_size(guest.start.nr_pages * page_size) + "\n");
  guest.console.drain(seconds(2));
  xen::shutdown(xen::ShutdownReason::poweroff);
}

} // namespace pvboot::loader
