// Names of disks and partitions as administrators and configuration files write them.
//
//   (xvda) (xvda1)              the names in the xl config and in the guest's Linux
//   (xen/xvda) (xen/xvda,gpt1)  GRUB's own names on Xen
//   (hd0) (hd0,gpt1) (hd0,msdos1) (hd0,1)   disks by their order, partitions from 1 [GRUB manual, "Device syntax"]
//   (hd0,0)                     partitions from 0, only in GRUB legacy's menu.lst [GRUB legacy manual, "Naming"]
//
// Parsing is pure: which disk has which index or name is the caller's knowledge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pvboot::loader {

enum class Counting : std::uint8_t {
  from_one,  ///< grub.cfg and everything of today
  from_zero, ///< GRUB legacy
};

struct DeviceName {
  std::string disk;                    ///< "xvda"; empty when the disk is named by its order
  std::optional<unsigned> index{};     ///< 0 for hd0
  std::optional<unsigned> partition{}; ///< as Linux numbers them; nothing for the whole disk
  std::string scheme{};                ///< "gpt" or "msdos" where the name insists on one
};

/// `text` without its parentheses. Nothing when it has none of the forms above.
std::optional<DeviceName> parse_device_name(std::string_view text, Counting counting = Counting::from_one);

} // namespace pvboot::loader
