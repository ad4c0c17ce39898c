// pvboot plan: the entry, the kernel and each element of the start-of-day memory, computed by the loader's own code.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/entry_files.hpp"
#include "tools/pvboot/guest_boot.hpp"
#include "tools/pvboot/kernel.hpp"
#include "tools/pvboot/output.hpp"

#include "base/text.hpp"
#include "loader/discover/boot_module.hpp"
#include "loader/discover/loadable.hpp"

#include <nlohmann/json.hpp>

namespace pvboot::tools {

namespace {

struct Planned {
  config::Entry entry;
  Kernel kernel;
  plan::Layout layout;
  std::optional<config::FilePath> stage2; ///< what the loader would try before it
};

Result<Planned> make_plan(GuestBoot& boot, const Arguments& arguments) {
  config::Entry entry = TRY(boot.resolve(TRY(boot.choose(arguments.entry))));
  TRY(loader::check_loadable(entry));
  for (const std::string& warning : entry.warnings)
    print_err("pvboot: warning: {}\n", printable(warning));
  const std::string command_line = TRY(config::append_to_command_line(entry.command_line, boot.options().kernel_words));
  loader::BootModule module = TRY(loader::BootModule::open(boot.disks(), entry));
  loader::Device* device = TRY_AT(boot.disks().find(entry.kernel.device.text), entry.kernel.text());
  const loader::OpenFile open = TRY_AT(boot.disks().open(*device, entry.kernel.path), entry.kernel.text());
  Kernel kernel = TRY_AT(read_kernel(*open.file), entry.kernel.text());
  const plan::GuestFacts facts{.nr_pages = arguments.memory_mib * (1_MiB / page_size),
                               .initrd_bytes = {},
                               .command_line = command_line,
                               .multiboot_module = false,
                               .own_p2m = {}};
  plan::Layout layout = TRY_AT(loader::lay_out_with(module, kernel.info, facts), entry.kernel.text());
  for (const std::string& warning : module.warnings())
    print_err("pvboot: warning: {}\n", printable(warning, 400));
  return Planned{std::move(entry), std::move(kernel), std::move(layout), boot.stage2()};
}

void print_text(const Planned& planned) {
  const config::Entry& entry = planned.entry;
  print_out("entry    {}\nsource   {}\nkernel   {}\n         {}\n", printable(entry.title),
            printable(entry.origin.text()), printable(entry.kernel.text()), image::describe(planned.kernel.head));
  for (const EntryFile& file : files_of(entry))
    print_out("{:<8} {}\n", file.kind, file.text);
  if (!entry.modules.empty())
    print_out("         {}\n", planned.layout.multiboot_module ? "given as multiboot modules (SIF_MULTIBOOT_MOD)"
                                                               : "given as initrds, because Linux takes no modules");
  print_out("cmdline  {}\n", printable(planned.layout.command_line, config::max_command_line));
  print_out("memory   {} frames ({})\n", planned.layout.nr_pages, human_size(planned.layout.nr_pages << page_shift));
  print_out("entry at {}, region from {} to {}\n\n", hex(planned.layout.entry.value),
            hex(planned.layout.virt_base.value), hex(planned.layout.address_of(planned.layout.region.end()).value));
  print_out("{:<16} {:<20} {:>10} {:>10} {:>12}\n", "element", "address", "first pfn", "frames", "bytes");
  for (const xen::LayoutElement& element : planned.layout.elements)
    print_out("{:<16} {:<20} {:>10} {:>10} {:>12}\n", element.name,
              element.address ? hex(element.address->value) : std::string("not mapped"),
              hex(element.frames.first.value), element.frames.count, element.bytes);
}

void print_json(const Planned& planned) {
  const config::Entry& entry = planned.entry;
  nlohmann::json elements = nlohmann::json::array();
  for (const xen::LayoutElement& element : planned.layout.elements)
    elements.push_back({{"name", element.name},
                        {"address", element.address ? nlohmann::json(element.address->value) : nlohmann::json(nullptr)},
                        {"first_pfn", element.frames.first.value},
                        {"frames", element.frames.count},
                        {"bytes", element.bytes}});
  const image::KernelInfo& info = planned.kernel.info;
  nlohmann::json out = {{"entry",
                         {{"title", entry.title},
                          {"id", entry.id},
                          {"source", entry.origin.text()},
                          {"kernel", entry.kernel.text()},
                          {"initrds", initrds_as_json(entry)},
                          {"modules", modules_as_json(entry)},
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
                          {"multiboot_modules", planned.layout.multiboot_module},
                          {"elements", elements}}}};
  if (planned.stage2)
    out["stage2"] = planned.stage2->text();
  write_json(out);
}

} // namespace

Result<void> print_plan(const Arguments& arguments) {
  const auto boot = TRY(GuestBoot::open(arguments));
  const Planned planned = TRY(make_plan(*boot, arguments));
  arguments.json ? print_json(planned) : print_text(planned);
  return {};
}

} // namespace pvboot::tools
