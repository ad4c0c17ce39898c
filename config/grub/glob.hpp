// Patterns against the names of devices and files: "(*)", "/boot/vmlinuz-*", "(hd0,*)/boot/*".
//
// "*" and "?" match within one name; a name that begins with "." only where the pattern does. Names come in the order
// in which the Environment lists them. At most limits::arguments names of limits::argument_bytes together, and max_work
// of work, after which the rest is left out.
#pragma once

#include "config/environment.hpp"

namespace pvboot::config::grub {

class Glob {
public:
  static constexpr std::uint64_t max_work = 100'000;

  /// `root` is the device of patterns that name none.
  Glob(Environment& environment, DeviceName root) : environment_(environment), root_(std::move(root)) {}

  /// The names that match, with a device where the pattern has one; empty when there is none.
  std::vector<std::string> expand(std::string_view pattern);

  std::uint64_t work() const { return work_; } ///< names looked at and made; long ones count for more

private:
  std::vector<DeviceName> devices(std::string_view pattern);
  std::vector<FilePath> step_into(const std::vector<FilePath>& places, std::string_view step);

  Environment& environment_;
  DeviceName root_;
  std::uint64_t work_ = 0;
};

} // namespace pvboot::config::grub
