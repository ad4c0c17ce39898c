#include "loader/discover/disk_environment.hpp"

#include "base/bulk_read.hpp"
#include "base/checked.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace pvboot::loader {

namespace {

config::FileKind kind_of(fs::FileType type) {
  switch (type) {
  case fs::FileType::regular: return config::FileKind::regular;
  case fs::FileType::directory: return config::FileKind::directory;
  case fs::FileType::symlink:
  case fs::FileType::other: break;
  }
  return config::FileKind::other;
}

// GRUB's `probe --fs` knows one name for the whole family.
std::string grub_name(const std::string& type) { return type.starts_with("ext") ? "ext2" : type; }

constexpr std::size_t bounce_size = 4096;
constexpr Duration write_pump = seconds(1);

struct Bounce {
  alignas(4096) std::byte bytes[bounce_size];
};

// Submits one request and waits for it; the source's own time limit ends the wait.
Result<void> carry_out(BlockSource& source, BlockRequest& request) {
  bool done = false;
  request.context = &done;
  request.on_complete = [](BlockRequest& completed) { *static_cast<bool*>(completed.context) = true; };
  while (!TRY(source.submit(request)))
    source.pump(write_pump);
  while (!done)
    source.pump(write_pump);
  return as_result(request.status);
}

// Writes bytes that lie inside one page of the disk: reads the blocks around them, patches, writes them back and
// flushes.
Result<void> patch(BlockSource& source, std::uint64_t at, Bytes bytes) {
  const BlockGeometry shape = source.geometry();
  if (!shape.writable)
    return fail(Code::denied, "the disk is read-only", source.name());
  const std::uint64_t start = align_down<std::uint64_t>(at, shape.block_size);
  const std::uint64_t end = align_up<std::uint64_t>(at + bytes.size(), shape.block_size);
  auto bounce = std::make_unique_for_overwrite<Bounce>();
  const MutBytes blocks(bounce->bytes, static_cast<std::size_t>(end - start));
  bool quarantined = false;
  auto result = BulkRead(source, &quarantined).read(start, blocks);
  if (result) {
    std::memcpy(blocks.data() + (at - start), bytes.data(), bytes.size());
    BlockRequest write{.op = BlockOp::write, .offset = start, .segments = std::span(&blocks, 1)};
    result = carry_out(source, write);
    quarantined = write.quarantined;
  }
  if (quarantined)
    (void)bounce.release();
  TRY(std::move(result));
  BlockRequest flush{.op = BlockOp::flush};
  auto flushed = carry_out(source, flush);
  // A backend without a write cache need not know the operation.
  if (!flushed && flushed.error().code() != Code::unsupported)
    return flushed;
  return {};
}

// Where `length` bytes of a file lie. All of them are looked up before one is written.
Result<std::vector<fs::Run>> disk_runs(fs::File& file, std::uint64_t offset, std::uint64_t length) {
  if (offset > file.size() || length > file.size() - offset)
    return fail(Code::invalid, "write past the end of the file");
  std::vector<fs::Run> runs;
  while (length != 0) {
    fs::Run run = TRY(file.run_at(offset));
    if (run.kind != fs::Run::Kind::disk)
      return fail(Code::denied, "the bytes have no blocks of their own on disk");
    run.length = std::min(run.length, length);
    offset += run.length;
    length -= run.length;
    runs.push_back(run);
  }
  return runs;
}

Result<void> write_to(fs::File& file, std::uint64_t offset, Bytes bytes) {
  for (const fs::Run& run : TRY(disk_runs(file, offset, bytes.size())))
    for (std::uint64_t done = 0; done < run.length;) {
      const std::uint64_t at = run.disk_offset + done;
      const std::uint64_t count = std::min(run.length - done, bounce_size - at % bounce_size);
      TRY(patch(*run.source, at, bytes.first(static_cast<std::size_t>(count))));
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      done += count;
    }
  return {};
}

} // namespace

Result<config::DeviceName> DiskEnvironment::resolve(const config::DeviceName& device) {
  const Device* found = TRY(disks_.find(device.text));
  return config::DeviceName{found->name()};
}

std::vector<config::DeviceName> DiskEnvironment::devices() {
  std::vector<config::DeviceName> names;
  for (const auto& device : disks_.devices())
    names.push_back({device->name()});
  return names;
}

Result<std::vector<config::DeviceName>> DiskEnvironment::devices_on(const config::DeviceName& disk) {
  const Device* whole = TRY(disks_.find(disk.text));
  std::vector<config::DeviceName> names;
  for (const auto& device : disks_.devices())
    if (device->disk() == whole->disk())
      names.push_back({device->name()});
  return names;
}

Result<config::DeviceInfo> DiskEnvironment::probe(const config::DeviceName& name) {
  Device* device = TRY(disks_.find(name.text));
  config::DeviceInfo info;
  info.partuuid = device->partition_uuid();
  info.partmap = device->scheme();
  auto facts = disks_.facts(*device);
  if (!facts && facts.error().code() == Code::not_found)
    return info;
  const FilesystemFacts found = TRY(std::move(facts));
  info.fs = grub_name(found.type);
  info.uuid = found.uuid;
  info.label = found.label;
  return info;
}

Result<config::FileInfo> DiskEnvironment::stat(const config::FilePath& file) {
  Device* device = TRY(disks_.find(file.device.text));
  const Mount mount = TRY(disks_.mount(*device));
  const fs::FileStat stat = TRY(mount.filesystem().stat(file.path));
  return config::FileInfo{kind_of(stat.type), stat.size, stat.mtime};
}

Result<std::string> DiskEnvironment::read(const config::FilePath& file, std::size_t limit) {
  Device* device = TRY(disks_.find(file.device.text));
  OpenFile open = TRY(disks_.open(*device, file.path));
  return TRY(fs::read_text(*open.file, limit));
}

Result<std::vector<config::Name>> DiskEnvironment::list(const config::FilePath& directory) {
  Device* device = TRY(disks_.find(directory.device.text));
  const Mount mount = TRY(disks_.mount(*device));
  std::vector<config::Name> names;
  for (fs::DirEntry& entry : TRY(mount.filesystem().list(directory.path)))
    names.push_back({std::move(entry.name), kind_of(entry.type)});
  return names;
}

Result<void> DiskEnvironment::write_in_place(const config::FilePath& file, std::uint64_t offset, Bytes bytes) {
  Device* device = TRY(disks_.find(file.device.text));
  auto written = [&]() -> Result<void> {
    const OpenFile open = TRY(disks_.open(*device, file.path));
    return write_to(*open.file, offset, bytes);
  }();
  // The next `save_env` changes the block that it reads: it must not be the one from before.
  disks_.forget(*device);
  return written;
}

} // namespace pvboot::loader
