#include "loader/program/attempt.hpp"

#include "loader/discover/initrd_files.hpp"
#include "loader/discover/loadable.hpp"
#include "loader/program/kernel.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

Result<xen::Handover> prepare(Workshop& workshop, const config::Entry& entry) {
  TRY(check_loadable(entry));
  const std::string command_line =
      TRY_AT(config::append_to_command_line(entry.command_line, workshop.kernel_words), "kernel command line");
  workshop.log.debug("command line: " + printable(command_line, config::max_command_line));

  InitrdFiles initrds = TRY(InitrdFiles::open(workshop.disks, entry.initrds));

  xen::StartInfo::P2mFrames own_p2m = workshop.guest.start.p2m.value_or(xen::StartInfo::P2mFrames{});
  plan::GuestFacts facts{.nr_pages = workshop.memory.usable_pages(),
                         .initrd_bytes = initrds.total_size(),
                         .command_line = command_line,
                         .multiboot_module = false,
                         .own_p2m = {}};
  if (own_p2m.count != 0)
    facts.own_p2m = plan::OwnP2m{workshop.guest.start.mfn_list.value, own_p2m.count};

  LoadedKernel kernel = TRY_AT(load_kernel(workshop, entry.kernel, facts), entry.kernel.text());
  workshop.log.timing("kernel loaded");

  std::optional<ScopedWindow> initrd;
  if (kernel.layout.initrd) {
    workshop.log.info("loading the initrd, " + human_size(kernel.layout.initrd->bytes));
    const auto window = TRY_AT(workshop.memory.map_near(kernel.layout.initrd->frames, xen::Purpose::target), "initrd");
    initrd.emplace(workshop.memory, window);
    bool quarantined = false;
    auto read = initrds.read(initrd->span(), &quarantined);
    if (quarantined)
      initrd->quarantine();
    TRY(std::move(read));
    workshop.log.timing("initrd loaded");
  }

  auto handover =
      TRY_AT(xen::Handover::prepare(workshop.memory, {.layout = kernel.layout,
                                                      .kernel = kernel.window.window(),
                                                      .symbols = kernel.symbols(),
                                                      .initrd = initrd ? std::optional(initrd->window()) : std::nullopt,
                                                      .incoming = workshop.guest.raw_start}),
             "handover");
  kernel.window.keep();
  if (initrd)
    initrd->keep();
  workshop.log.timing("handover prepared");
  return handover;
}

} // namespace pvboot::loader
