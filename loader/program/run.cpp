#include "loader/program/run.hpp"

#include "loader/program/build_id.hpp"
#include "loader/program/leftovers.hpp"
#include "loader/program/session.hpp"

#include "xen/shutdown.hpp"

extern "C" char pvboot_virt_base[]; // pvboot.ld
extern "C" char pvboot_image_start[];
extern "C" char pvboot_image_end[];

namespace pvboot::loader {

namespace {
constexpr Duration drain_limit = seconds(2);
}

void run(xen::Guest& guest) {
  auto memory = xen::AddressSpace::adopt(guest.start, GuestVirt{reinterpret_cast<std::uint64_t>(pvboot_virt_base)});
  if (!memory) {
    guest.console.write("pvboot: error: the memory that this guest was started with: " + memory.error().text() +
                        "\npvboot:   whoever started pvboot, Xen's domain builder or another loader, breaks the PV "
                        "contract: please report this\n");
    guest.console.drain(drain_limit);
    xen::shutdown(xen::ShutdownReason::crash);
  }
  const Leftovers leftovers(guest);
  run_session(guest, **memory,
              {.version = version_line(),
               .image_bytes = static_cast<std::uint64_t>(pvboot_image_end - pvboot_image_start),
               .wipe = leftovers.ranges()});
}

} // namespace pvboot::loader
