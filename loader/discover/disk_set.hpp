// The guest's disks, their partitions, and the filesystems on them.
//
// A Device is a place where a filesystem can be: a whole disk or one of its partitions. They are listed disk by disk
// in the disks' order, a disk before its partitions. Partition tables are read when a disk is added; a damaged table
// is a note of that disk and does not touch the others.
//
// Filesystems are probed when first asked for. At most `max_mounted` are mounted; the least recently used one that
// nobody holds is dropped first, so memory does not grow with the number of disks. When all of them are held, one more
// is refused with Code::too_large. What a probe found (type, UUID, label, or its error) is remembered.
#pragma once

#include "fs/filesystem.hpp"
#include "fs/partition/partition_table.hpp"
#include "loader/discover/device_name.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pvboot::loader {

struct FilesystemFacts {
  std::string type, uuid, label;
};

class Device;

/// Keeps a Device's filesystem mounted as long as it lives.
class Mount {
public:
  explicit Mount(Device& device);
  Mount(Mount&& other) noexcept;
  Mount& operator=(Mount&&) = delete;
  ~Mount();

  fs::Filesystem& filesystem() const;
  Device& device() const { return *device_; }

private:
  Device* device_;
};

/// A File together with the mount it borrows.
struct OpenFile {
  Mount mount;
  std::unique_ptr<fs::File> file;
};

class Device {
public:
  Device(BlockSource& source, std::string name, std::size_t disk)
      : name_(std::move(name)), disk_(disk), source_(&source) {}
  Device(std::unique_ptr<BlockSource> source, std::size_t disk, const fs::Partition& partition, std::string scheme);

  const std::string& name() const { return name_; }                ///< "xvda" or "xvda1"
  std::size_t disk() const { return disk_; }                       ///< index among the disks
  std::optional<unsigned> partition() const { return partition_; } ///< as Linux numbers them
  const std::string& scheme() const { return scheme_; }            ///< "gpt" or "msdos"; empty for a whole disk
  const std::string& partition_uuid() const { return partition_uuid_; }
  BlockSource& source() const { return *source_; }

private:
  friend class DiskSet;
  friend class Mount;

  std::string name_;
  std::size_t disk_;
  std::optional<unsigned> partition_{};
  std::string scheme_{};
  std::string partition_uuid_{};
  std::unique_ptr<BlockSource> owned_{};
  BlockSource* source_;

  std::unique_ptr<fs::Filesystem> mounted_{};
  unsigned holders_ = 0;
  std::uint64_t used_ = 0;
  std::optional<Result<FilesystemFacts>> probed_{};
};

struct Disk {
  std::string name;
  std::string scheme{};             ///< "gpt", "msdos" or empty
  std::vector<std::string> notes{}; ///< what is damaged or odd about its partition table
};

class DiskSet {
public:
  static constexpr std::size_t max_mounted = 8;

  /// Reads the disk's partition table. `source` must outlive the set. `name` is the vbd's, e.g. "xvda".
  void add(BlockSource& source, std::string_view name);

  const std::vector<Disk>& disks() const { return disks_; }
  const std::vector<std::unique_ptr<Device>>& devices() const { return devices_; }

  /// Code::not_found names what is missing: the disk, or the partition on it.
  Result<Device*> find(std::string_view name, Counting counting = Counting::from_one);

  Result<FilesystemFacts> facts(Device& device);
  Result<Mount> mount(Device& device);

  /// Opens a regular file.
  Result<OpenFile> open(Device& device, std::string_view path);

  /// Drops what is cached of the device's filesystem, for one who has written to it. Of a filesystem that somebody
  /// holds nothing is dropped.
  void forget(Device& device);

private:
  Result<void> probe(Device& device);
  Result<void> make_room();

  std::vector<Disk> disks_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::uint64_t clock_ = 0;
};

} // namespace pvboot::loader
