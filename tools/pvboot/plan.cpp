// pvboot plan: the entry, the kernel and each element of the start-of-day memory, computed by the loader's own code.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/guest_boot.hpp"
#include "tools/pvboot/kernel.hpp"

#include "base/text.hpp"
#include "loader/discover/initrd_files.hpp"
#include "loader/discover/loadable.hpp"
#include "loader/plan/target_of.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace pvboot::tools {

namespace {

struct Planned {
  config::Entry entry;
  Kernel kernel;
  plan::Layout layout;
};

Result<Planned> make_plan(GuestBoot& boot, const Arguments& arguments) {
  config::Entry entry = TRY(boot.resolve(TRY(boot.choose(arguments.entry))));
  TRY(loader::check_loadable(entry));
  for (const std::string& warning : entry.warnings)
    fmt::print(stderr, "pvboot: warning: {}\n", printable(warning));
  const std::string command_line = TRY(config::append_to_command_line(entry.command_line, boot.options().kernel_words));
  const loader::InitrdFiles initrds = TRY(loader::InitrdFiles::open(boot.disks(), entry.initrds));
  loader::Device* device = TRY_AT(boot.disks().find(entry.kernel.device.text), entry.kernel.text());
  const loader::OpenFile open = TRY_AT(boot.disks().open(*device, entry.kernel.path), entry.kernel.text());
  Kernel kernel = TRY_AT(read_kernel(*open.file), entry.kernel.text());
  TRY_AT(image::bootable_pv(kernel.info), entry.kernel.text());
  const plan::GuestFacts facts{.nr_pages = arguments.memory_mib * (1_MiB / page_size),
                               .initrd_bytes = initrds.total_size(),
                               .command_line = command_line,
                               .multiboot_module = false,
                               .own_p2m = {}};
  plan::Layout layout = TRY_AT(plan::lay_out(plan::target_of(kernel.info), facts), entry.kernel.text());
  return Planned{std::move(entry), std::move(kernel), std::move(layout)};
}

void print_text(const Planned& planned) {
  const config::Entry& entry = planned.entry;
  fmt::print("entry    {}\nsource   {}\nkernel   {}\n         {}\n", printable(entry.title),
             printable(entry.origin.text()), printable(entry.kernel.text()), image::describe(planned.kernel.head));
  for (const config::Initrd& initrd : entry.initrds)
    fmt::print("initrd   {}\n", printable(initrd.file.text()));
  fmt::print("cmdline  {}\n", printable(planned.layout.command_line, config::max_command_line));
  fmt::print("memory   {} frames ({})\n", planned.layout.nr_pages, human_size(planned.layout.nr_pages << page_shift));
  fmt::print("entry at {}, region from {} to {}\n\n", hex(planned.layout.entry.value),
             hex(planned.layout.virt_base.value), hex(planned.layout.address_of(planned.layout.region.end()).value));
  fmt::print("{:<16} {:<20} {:>10} {:>10} {:>12}\n", "element", "address", "first pfn", "frames", "bytes");
  for (const xen::LayoutElement& element : planned.layout.elements)
    fmt::print("{:<16} {:<20} {:>10} {:>10} {:>12}\n", element.name,
               element.address ? hex(element.address->value) : std::string("not mapped"),
               hex(element.frames.first.value), element.frames.count, element.bytes);
}

void print_json(const Planned& planned) {
  const config::Entry& entry = planned.entry;
  nlohmann::json initrds = nlohmann::json::array();
  for (const config::Initrd& initrd : entry.initrds)
    initrds.push_back(initrd.file.text());
  nlohmann::json elements = nlohmann::json::array();
  for (const xen::LayoutElement& element : planned.layout.elements)
    elements.push_back({{"name", element.name},
                        {"address", element.address ? nlohmann::json(element.address->value) : nlohmann::json(nullptr)},
                        {"first_pfn", element.frames.first.value},
                        {"frames", element.frames.count},
                        {"bytes", element.bytes}});
  const image::KernelInfo& info = planned.kernel.info;
  const nlohmann::json out = {{"entry",
                               {{"title", entry.title},
                                {"id", entry.id},
                                {"source", entry.origin.text()},
                                {"kernel", entry.kernel.text()},
                                {"initrds", initrds},
                                {"cmdline", planned.layout.command_line}}},
                              {"image",
                               {{"container", image::describe(planned.kernel.head)},
                                {"file_size", planned.kernel.head.file_size},
                                {"uncompressed_size", planned.kernel.content_size},
                                {"virt_base", info.virt_base.value},
                                {"entry", info.entry.value},
                                {"mod_start_pfn", info.mod_start_pfn}}},
                              {"layout",
                               {{"nr_pages", planned.layout.nr_pages},
                                {"virt_base", planned.layout.virt_base.value},
                                {"region_frames", planned.layout.region.count},
                                {"elements", elements}}}};
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace

Result<void> print_plan(const Arguments& arguments) {
  const auto boot = TRY(GuestBoot::open(arguments));
  const Planned planned = TRY(make_plan(*boot, arguments));
  arguments.json ? print_json(planned) : print_text(planned);
  return {};
}

} // namespace pvboot::tools
