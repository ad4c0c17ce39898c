#include "loader/discover/disk_set.hpp"

#include "base/text.hpp"
#include "fs/partition/partition_source.hpp"

namespace pvboot::loader {

namespace {

std::string grub_scheme(fs::PartitionScheme scheme) {
  switch (scheme) {
  case fs::PartitionScheme::gpt: return "gpt";
  case fs::PartitionScheme::mbr: return "msdos";
  case fs::PartitionScheme::none: break;
  }
  return {};
}

} // namespace

Mount::Mount(Device& device) : device_(&device) { ++device.holders_; }

Mount::Mount(Mount&& other) noexcept : device_(other.device_) { other.device_ = nullptr; }

Mount::~Mount() {
  if (device_ != nullptr)
    --device_->holders_;
}

fs::Filesystem& Mount::filesystem() const { return *device_->mounted_; }

Device::Device(std::unique_ptr<BlockSource> source, std::size_t disk, const fs::Partition& partition,
               std::string scheme)
    : name_(source->name()), disk_(disk), partition_(partition.number), scheme_(std::move(scheme)),
      partition_uuid_(partition.partuuid), owned_(std::move(source)), source_(owned_.get()) {}

void DiskSet::add(BlockSource& source, std::string_view name) {
  const std::size_t index = disks_.size();
  disks_.push_back({.name = std::string(name)});
  Disk& disk = disks_.back();
  devices_.push_back(std::make_unique<Device>(source, disk.name, index));

  BlockReader reader(source, 4);
  auto table = fs::read_partitions(reader);
  if (!table) {
    disk.notes.push_back("partition table: " + table.error().text());
    return;
  }
  disk.scheme = grub_scheme(table->scheme);
  disk.notes = std::move(table->notes);
  for (const fs::Partition& partition : table->partitions) {
    auto part = fs::PartitionSource::create(source, partition);
    if (!part) {
      disk.notes.push_back("partition " + dec(partition.number) + ": " + part.error().text());
      continue;
    }
    devices_.push_back(std::make_unique<Device>(std::move(*part), index, partition, disk.scheme));
  }
}

Result<Device*> DiskSet::find(std::string_view text, Counting counting) {
  // A vbd may itself be named like a partition (disk = ["...,xvda1,w"]).
  const std::string_view plain = text.starts_with("xen/") ? text.substr(4) : text;
  for (const auto& device : devices_)
    if (device->name() == plain)
      return device.get();
  const auto wanted = parse_device_name(text, counting);
  if (!wanted)
    return fail(Code::invalid, "this is not the name of a disk or partition", printable(text));
  std::size_t disk = 0;
  while (disk < disks_.size() && (wanted->index ? disk != *wanted->index : disks_[disk].name != wanted->disk))
    ++disk;
  if (disk == disks_.size())
    return fail(Code::not_found, "the guest has no such disk", printable(text));
  for (const auto& device : devices_)
    if (device->disk() == disk && device->partition() == wanted->partition &&
        (wanted->scheme.empty() || device->scheme() == wanted->scheme))
      return device.get();
  return fail(Code::not_found, "the disk has no such partition", printable(text));
}

Result<FilesystemFacts> DiskSet::facts(Device& device) {
  if (!device.probed_)
    TRY(probe(device));
  return *device.probed_;
}

Result<Mount> DiskSet::mount(Device& device) {
  if (device.probed_ && !*device.probed_)
    return std::unexpected(device.probed_->error());
  if (device.mounted_ == nullptr)
    TRY(probe(device));
  device.used_ = ++clock_;
  return Mount(device);
}

Result<OpenFile> DiskSet::open(Device& device, std::string_view path) {
  Mount held = TRY(mount(device));
  auto file = TRY(held.filesystem().open(path));
  return OpenFile{std::move(held), std::move(file)};
}

void DiskSet::forget(Device& device) {
  if (device.holders_ == 0)
    device.mounted_.reset();
}

Result<void> DiskSet::probe(Device& device) {
  TRY(make_room());
  auto found = fs::probe(device.source());
  if (!found) {
    device.probed_ = std::unexpected(std::move(found).error());
    return std::unexpected(device.probed_->error());
  }
  device.mounted_ = std::move(*found);
  const fs::Filesystem& mounted = *device.mounted_;
  device.used_ = ++clock_;
  device.probed_ = FilesystemFacts{std::string(mounted.type()), mounted.uuid(), mounted.label()};
  return {};
}

Result<void> DiskSet::make_room() {
  std::size_t mounted = 0;
  Device* oldest = nullptr;
  for (const auto& device : devices_) {
    if (device->mounted_ == nullptr)
      continue;
    ++mounted;
    if (device->holders_ == 0 && (oldest == nullptr || device->used_ < oldest->used_))
      oldest = device.get();
  }
  if (mounted < max_mounted)
    return {};
  if (oldest == nullptr)
    return fail(Code::too_large, "files on more filesystems are needed at once than can be held");
  oldest->mounted_.reset();
  return {};
}

} // namespace pvboot::loader
