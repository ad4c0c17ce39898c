#include "loader/program/attempt.hpp"

#include "loader/discover/boot_module.hpp"
#include "loader/discover/loadable.hpp"
#include "loader/program/kernel.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

namespace {

/// The module in a window at its final frames.
Result<ScopedWindow> load_module(Workshop& workshop, BootModule& module, const plan::Layout& layout) {
  FileBundle& bundle = module.bundle();
  workshop.log.info((module.multiboot() ? "loading the modules, " : "loading the initrd, ") +
                    human_size(bundle.size()));
  ScopedWindow window(workshop.memory, TRY(workshop.memory.map_near(layout.initrd->frames, xen::Purpose::target)));
  std::optional<ScopedWindow> bounce;
  if (const std::size_t bytes = bundle.bounce_bytes(); bytes != 0)
    bounce.emplace(
        TRY_AT(ScopedWindow::create(workshop.memory, bytes, xen::Purpose::work), "the buffer for reading it"));
  FileBundle::Quarantined quarantined;
  auto read = bundle.read(window.span(), bounce ? bounce->span() : MutBytes(), quarantined);
  if (quarantined.destination)
    window.quarantine();
  if (quarantined.bounce)
    bounce->quarantine();
  TRY(std::move(read));
  workshop.log.timing("initrd loaded");
  return window;
}

} // namespace

Result<xen::Handover> prepare(Workshop& workshop, const config::Entry& entry) {
  TRY(check_loadable(entry));
  const std::string command_line =
      TRY_AT(config::append_to_command_line(entry.command_line, workshop.kernel_words), "kernel command line");
  workshop.log.debug("command line: " + printable(command_line, config::max_command_line));

  BootModule module = TRY(BootModule::open(workshop.disks, entry));

  xen::StartInfo::P2mFrames own_p2m = workshop.guest.start.p2m.value_or(xen::StartInfo::P2mFrames{});
  plan::GuestFacts facts{.nr_pages = workshop.memory.usable_pages(),
                         .initrd_bytes = {},
                         .command_line = command_line,
                         .multiboot_module = false,
                         .own_p2m = {}};
  if (own_p2m.count != 0)
    facts.own_p2m = plan::OwnP2m{workshop.guest.start.mfn_list.value, own_p2m.count};

  LoadedKernel kernel = TRY_AT(load_kernel(workshop, entry.kernel, facts, module), entry.kernel.text());
  workshop.log.timing("kernel loaded");
  for (const std::string& warning : module.warnings())
    workshop.log.say("warning: " + printable(warning, 400));

  std::optional<ScopedWindow> initrd;
  if (kernel.layout.initrd)
    initrd.emplace(TRY_AT(load_module(workshop, module, kernel.layout), module.multiboot() ? "modules" : "initrd"));

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
