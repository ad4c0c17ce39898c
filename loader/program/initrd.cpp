#include "loader/program/initrd.hpp"

#include "base/checked.hpp"
#include "base/units.hpp"
#include "fs/bulk/read_into.hpp"

namespace pvboot::loader {

namespace {
constexpr std::uint64_t part_alignment = 4;
} // namespace

Result<InitrdFiles> InitrdFiles::open(DiskSet& disks, const std::vector<config::Initrd>& wanted) {
  InitrdFiles files;
  for (const config::Initrd& initrd : wanted) {
    if (!initrd.newc_name.empty())
      return fail(Code::unsupported, "newc: wrapping of an initrd; put the file into an archive", initrd.file.text());
    Device* device = TRY_AT(disks.find(initrd.file.device.text), initrd.file.text());
    OpenFile open = TRY_AT(disks.open(*device, initrd.file.path), initrd.file.text());
    const std::uint64_t offset = align_up<std::uint64_t>(files.size_, part_alignment);
    const auto end = checked_add<std::uint64_t>(offset, open.file->size());
    if (!end)
      return fail(Code::too_large, "the sizes of the initrds make no sense", initrd.file.text());
    files.size_ = *end;
    files.parts_.push_back({std::move(open), initrd.file.text(), offset});
  }
  return files;
}

std::optional<std::uint64_t> InitrdFiles::total_size() const {
  return parts_.empty() ? std::nullopt : std::optional(size_);
}

Result<void> InitrdFiles::read(MutBytes destination, bool* quarantined) {
  std::uint64_t filled = 0;
  for (Part& part : parts_) {
    std::memset(destination.data() + filled, 0, part.offset - filled);
    const MutBytes rest = destination.subspan(part.offset);
    fs::File& file = *part.open.file;
    if (part.offset % page_size == 0)
      TRY_AT(fs::read_into(file, rest, {.quarantined = quarantined}), part.name);
    else
      TRY_AT(file.read(0, rest.first(file.size())), part.name);
    filled = part.offset + file.size();
  }
  std::memset(destination.data() + filled, 0, destination.size() - filled);
  return {};
}

} // namespace pvboot::loader
