#include "loader/discover/boot_module.hpp"

#include "base/text.hpp"
#include "loader/plan/target_of.hpp"

namespace pvboot::loader {

namespace {

Result<OpenFile> open_file(DiskSet& disks, const config::FilePath& path) {
  Device* device = TRY_AT(disks.find(path.device.text), path.text());
  return TRY_AT(disks.open(*device, path.path), path.text());
}

} // namespace

Result<BootModule> BootModule::open(DiskSet& disks, const config::Entry& entry) {
  BootModule module;
  for (const config::Initrd& initrd : entry.initrds)
    module.initrds_.push_back({TRY(open_file(disks, initrd.file)), initrd.file.text(), initrd.newc_name});
  for (const config::Module& one : entry.modules)
    module.modules_.push_back({TRY(open_file(disks, one.file)), one.file.text(), one.command_line});
  return module;
}

Result<void> BootModule::arrange_for(const image::XenNotes& kernel) {
  if (!modules_.empty() && kernel.guest_os.starts_with("linux")) {
    for (ModuleFile& module : modules_) {
      if (!module.command_line.empty())
        warnings_.push_back(module.name + " becomes an initrd, because Linux takes no modules: its words '" +
                            printable(module.command_line) + "' are left out");
      initrds_.push_back({std::move(module.file), std::move(module.name), {}});
    }
    modules_.clear();
  }
  if (!modules_.empty()) {
    multiboot_ = true;
    bundle_ = TRY(package(std::move(modules_)));
  } else if (!initrds_.empty()) {
    bundle_ = TRY(concatenate(std::move(initrds_)));
  }
  return {};
}

Result<plan::Layout> lay_out_with(BootModule& module, const image::KernelInfo& kernel, plan::GuestFacts guest) {
  TRY(image::bootable_pv(kernel));
  TRY(module.arrange_for(kernel.notes));
  guest.initrd_bytes = module.size();
  guest.multiboot_module = module.multiboot();
  return plan::lay_out(plan::target_of(kernel), guest);
}

} // namespace pvboot::loader
