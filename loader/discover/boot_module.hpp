// What an entry loads besides its kernel, as the one module that a PV kernel can be given.
//
// start_info names a single module [xen/xen.h: struct start_info]. What is in it depends on the kernel, so the files
// are opened first, and arranged when the kernel's notes are known:
//
//  - Initrds, for any kernel: one after another (initrd_files.hpp).
//  - Multiboot modules, for a kernel whose GUEST_OS note begins with "linux": the same. Linux knows nothing of
//    SIF_MULTIBOOT_MOD and would take a package for a damaged initramfs; that is what PV-GRUB and GRUB give it. Whoever
//    writes `multiboot /vmlinuz` and `module /initrd.img` means an initrd. A module's command line has no reader there
//    and is dropped with a warning.
//  - Multiboot modules, for any other kernel: a package (module_package.hpp), for a single module as well, as both
//    loaders do it: such a kernel looks at SIF_MULTIBOOT_MOD to know what it got.
//
// PV-GRUB forgets the one when the other comes, GRUB refuses the second: an entry with both is refused
// (loadable.hpp). A file that cannot be opened or read is an error: an entry never boots without a file that it asks
// for.
#pragma once

#include "loader/discover/initrd_files.hpp"
#include "loader/discover/module_package.hpp"
#include "loader/image/kernel_info.hpp"
#include "loader/plan/layout.hpp"

namespace pvboot::loader {

class BootModule {
public:
  static Result<BootModule> open(DiskSet& disks, const config::Entry& entry);

  /// Once, before the rest.
  Result<void> arrange_for(const image::XenNotes& kernel);

  /// Bytes; nothing when the entry loads only its kernel.
  std::optional<std::uint64_t> size() const { return bundle_ ? std::optional(bundle_->size()) : std::nullopt; }
  /// Whether it is a package of multiboot modules.
  bool multiboot() const { return multiboot_; }
  /// What has been left out, for a person.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Only where size() is something.
  FileBundle& bundle() { return *bundle_; }

private:
  std::vector<InitrdFile> initrds_;
  std::vector<ModuleFile> modules_;
  std::optional<FileBundle> bundle_;
  bool multiboot_ = false;
  std::vector<std::string> warnings_;
};

/// The start-of-day layout of the kernel with this module, which is arranged for it; `guest` says nothing of a module
/// yet. A kernel that Xen PV cannot start is refused.
Result<plan::Layout> lay_out_with(BootModule& module, const image::KernelInfo& kernel, plan::GuestFacts guest);

} // namespace pvboot::loader
