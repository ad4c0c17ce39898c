// The configurations' Environment over the guest's real disks.
//
// Device names in every form of device_name.hpp are understood; names given back are the vbd's ("xvda1"). A write in
// place goes to the disk only when the device is writable and all of the bytes have blocks of their own; what is read
// afterwards shows it, unless somebody holds the device's filesystem.
#pragma once

#include "config/environment.hpp"
#include "loader/discover/disk_set.hpp"

namespace pvboot::loader {

/// What an Environment needs besides disks; the loader and the host command each have theirs.
class Surroundings {
public:
  virtual ~Surroundings() = default;
  virtual std::int64_t unix_time() = 0; ///< seconds since 1970
  virtual void print(std::string_view text) = 0;
};

class DiskEnvironment final : public config::Environment {
public:
  DiskEnvironment(DiskSet& disks, Surroundings& surroundings) : disks_(disks), surroundings_(surroundings) {}

  Result<config::DeviceName> resolve(const config::DeviceName& device) override;
  std::vector<config::DeviceName> devices() override;
  Result<std::vector<config::DeviceName>> devices_on(const config::DeviceName& disk) override;
  Result<config::DeviceInfo> probe(const config::DeviceName& device) override;
  Result<config::FileInfo> stat(const config::FilePath& file) override;
  Result<std::string> read(const config::FilePath& file, std::size_t limit) override;
  Result<std::vector<config::Name>> list(const config::FilePath& directory) override;
  Result<void> write_in_place(const config::FilePath& file, std::uint64_t offset, Bytes bytes) override;
  std::int64_t unix_time() override { return surroundings_.unix_time(); }
  void print(std::string_view text) override { surroundings_.print(text); }

private:
  DiskSet& disks_;
  Surroundings& surroundings_;
};

} // namespace pvboot::loader
