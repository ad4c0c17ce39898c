// The initrds of an entry as one: concatenated, each padded with zeroes to 4 bytes as the cpio format wants it, the
// last one as long as it is [Linux: Documentation/driver-api/early-userspace/buffer-format.rst].
//
// A file that cannot be opened or read is an error, and so are initrds without a byte: an entry never boots without an
// initrd that it asks for.
#pragma once

#include "config/entry.hpp"
#include "loader/discover/disk_set.hpp"

#include <optional>
#include <vector>

namespace pvboot::loader {

class InitrdFiles {
public:
  static Result<InitrdFiles> open(DiskSet& disks, const std::vector<config::Initrd>& wanted);

  /// Adds a file behind the others; `name` is its place in errors. Code::too_large when the sum does not fit 64 bits.
  Result<void> append(OpenFile open, std::string name);

  /// Bytes; nothing when the entry has no initrd.
  std::optional<std::uint64_t> total_size() const;

  /// Fills `destination`, which is page-aligned and total_size() rounded up to whole pages; the tail is zeroed.
  /// `quarantined` is set when a device may still write into it after an error.
  Result<void> read(MutBytes destination, bool* quarantined);

private:
  struct Part {
    OpenFile open;
    std::string name;
    std::uint64_t offset; ///< in the whole
  };
  std::vector<Part> parts_;
  std::uint64_t size_ = 0;
};

} // namespace pvboot::loader
