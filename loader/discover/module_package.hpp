// Multiboot modules as a PV kernel is given them: one package, marked by SIF_MULTIBOOT_MOD
// [xen/xen.h: struct xen_multiboot_mod_list].
//
// At the beginning an array of descriptors, ended by one that is zero; addresses in it count from the package's
// beginning, and a module's last byte is named, not the one behind it (an empty module ends before it begins). The
// command lines follow, each with a NUL. Each module begins on a page, as PV-GRUB and GRUB lay them, so that its disk
// can put it straight into its place. The package ends with its last module's last byte.
//
// Fails with Code::too_large when the package does not fit the descriptors' 32 bits.
#pragma once

#include "loader/discover/file_bundle.hpp"

namespace pvboot::loader {

struct ModuleFile {
  OpenFile file;
  std::string name; ///< its place in errors
  std::string command_line;
};

/// At least one file.
Result<FileBundle> package(std::vector<ModuleFile> files);

} // namespace pvboot::loader
