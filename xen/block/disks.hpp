// All disks of the guest: found in xenstore, connected and closed side by side, so that 16 take the time of one.
#pragma once

#include "xen/block/blkfront.hpp"

namespace pvboot::xen {

/// A disk that could not be used, and why.
struct DiskFailure {
  DiskNode node; ///< empty when the store does not describe it
  Error why;
};

class Disks {
public:
  // Generous: a loaded host takes its time, and a disk that is not closed is lost to the guest's kernel.
  static constexpr Duration connect_limit = seconds(30);
  static constexpr Duration close_limit = seconds(30);

  explicit Disks(const DeviceServices& services) : services_(services) {}

  /// Connects the disks that are not yet connected, all at once; those that fail are in failures(), and are given
  /// back, which may take as long again. An Error only when the store itself fails.
  Result<void> connect(Duration limit = connect_limit);

  /// Closes all, so that the guest's own frontends connect afterwards. What would not close in time is in failures().
  void close(Duration limit = close_limit);

  /// The connected disks in the order of their numbers; they live until close().
  const std::vector<std::unique_ptr<BlkFront>>& connected() const { return connected_; }
  BlkFront* find(std::string_view name) const;
  const std::vector<DiskFailure>& failures() const { return failures_; }

private:
  std::vector<DiskFailure> close_all(std::vector<std::unique_ptr<BlkFront>> disks, Duration limit);

  DeviceServices services_;
  std::vector<std::unique_ptr<BlkFront>> connected_;
  std::vector<DiskFailure> failures_;
};

} // namespace pvboot::xen
