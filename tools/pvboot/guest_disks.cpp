#include "tools/pvboot/guest_disks.hpp"

#include "base/text.hpp"

namespace pvboot::tools {

namespace {
constexpr std::size_t max_disks = 26;
}

Result<GuestDisks> GuestDisks::open(const std::vector<std::string>& images) {
  if (images.empty() || images.size() > max_disks)
    return fail(Code::invalid, "give 1 to 26 disk images, in the guest's order");
  GuestDisks disks;
  for (const std::string& image : images) {
    const std::string name = std::string("xvd") + static_cast<char>('a' + disks.sources_.size());
    disks.sources_.push_back(TRY(FileSource::open(image, name)));
    disks.set_.add(*disks.sources_.back(), name);
  }
  return disks;
}

Result<GuestDisks::Place> GuestDisks::find(std::string_view text) {
  const auto where = loader::split_device_path(text);
  if (!where)
    return fail(Code::invalid, "a path is /name or (device)/name", printable(text));
  std::string path(where->path.empty() ? "/" : where->path);
  if (!where->device.empty()) {
    loader::Device* device = TRY(set_.find(where->device));
    return Place{TRY(set_.mount(*device)), std::move(path)};
  }
  for (const auto& device : set_.devices()) {
    auto mount = set_.mount(*device);
    if (mount && mount->filesystem().stat(path))
      return Place{std::move(*mount), std::move(path)};
  }
  return fail(Code::not_found, "no filesystem on these disks has it", printable(text));
}

} // namespace pvboot::tools
