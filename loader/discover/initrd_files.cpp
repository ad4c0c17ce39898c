#include "loader/discover/initrd_files.hpp"

#include "base/checked.hpp"
#include "base/units.hpp"
#include "fs/bulk/read_into.hpp"

#include <algorithm>

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
    OpenFile file = TRY_AT(disks.open(*device, initrd.file.path), initrd.file.text());
    TRY_AT(files.append(std::move(file), initrd.file.text()), initrd.file.text());
  }
  if (!wanted.empty() && files.size_ == 0)
    return fail(Code::corrupt, "the initrd is an empty file", wanted.front().file.text());
  return files;
}

Result<void> InitrdFiles::append(OpenFile open, std::string name) {
  const auto offset = checked_align_up<std::uint64_t>(size_, part_alignment);
  const auto end = offset ? checked_add<std::uint64_t>(*offset, open.file->size()) : std::nullopt;
  if (!end)
    return fail(Code::too_large, "the sizes of the initrds make no sense");
  size_ = *end;
  parts_.push_back({std::move(open), std::move(name), *offset});
  return {};
}

std::optional<std::uint64_t> InitrdFiles::total_size() const {
  return parts_.empty() ? std::nullopt : std::optional(size_);
}

Result<void> InitrdFiles::read(MutBytes destination, bool* quarantined) {
  if (destination.size() < size_)
    return fail(Code::invalid, "the room for the initrds is smaller than they are");
  std::uint64_t filled = 0;
  for (Part& part : parts_) {
    std::memset(destination.data() + filled, 0, part.offset - filled);
    const MutBytes rest = destination.subspan(part.offset);
    fs::File& file = *part.open.file;
    const std::uint64_t pages = align_up<std::uint64_t>(file.size(), page_size);
    if (part.offset % page_size == 0)
      TRY_AT(fs::read_into(file, rest.first(std::min<std::uint64_t>(pages, rest.size())), {.quarantined = quarantined}),
             part.name);
    else
      TRY_AT(file.read(0, rest.first(file.size())), part.name);
    filled = part.offset + file.size();
  }
  std::memset(destination.data() + filled, 0, destination.size() - filled);
  return {};
}

} // namespace pvboot::loader
