#include "tools/pvboot/guest_disks.hpp"

#include "base/text.hpp"
#include "config/environment.hpp"

#include <optional>

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

bool GuestDisks::is_path(std::string_view text) {
  const auto file = config::parse_path(text, {});
  return file && (file->path.starts_with('/') || (file->path.empty() && !file->device.empty()));
}

Result<GuestDisks::Place> GuestDisks::find(std::string_view text) {
  if (!is_path(text))
    return fail(Code::invalid, "a path is /name or (device)/name", printable(text));
  auto [named, path] = TRY(config::parse_path(text, {}));
  if (path.empty())
    path = "/";
  if (!named.empty()) {
    loader::Device* device = TRY(set_.find(named.text));
    auto mount = TRY(set_.mount(*device));
    return Place{std::move(mount), std::move(path)};
  }
  std::optional<Error> unreadable;
  for (const auto& device : set_.devices()) {
    auto mount = set_.mount(*device);
    const auto found = mount ? mount->filesystem().stat(path) : Result<fs::FileStat>(std::unexpected(mount.error()));
    if (found)
      return Place{std::move(*mount), std::move(path)};
    if (found.error().code() != Code::not_found && !unreadable)
      unreadable = found.error();
  }
  if (unreadable)
    return std::unexpected(*std::move(unreadable));
  return fail(Code::not_found, "no filesystem on these disks has it", printable(text));
}

} // namespace pvboot::tools
