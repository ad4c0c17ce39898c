#include "config/grub/glob.hpp"

#include "config/grub/arguments.hpp"
#include "config/grub/limits.hpp"

namespace pvboot::config::grub {

std::vector<std::string> Glob::expand(std::string_view pattern) {
  const std::size_t device_end = pattern.starts_with('(') ? pattern.find(')') : std::string_view::npos;
  const bool names_device = device_end != std::string_view::npos;
  std::string_view rest = names_device ? pattern.substr(device_end + 1) : pattern;

  std::vector<FilePath> places;
  if (names_device)
    for (DeviceName& device : devices(pattern.substr(1, device_end - 1)))
      places.push_back({std::move(device), ""});
  else
    places.push_back({root_, ""});
  while (rest.starts_with('/')) {
    const std::size_t end = rest.find('/', 1);
    const std::string_view step = rest.substr(1, end == std::string_view::npos ? end : end - 1);
    rest.remove_prefix(step.size() + 1);
    places = step_into(places, step);
  }

  std::vector<std::string> names;
  if (!rest.empty())
    return names;
  for (const FilePath& place : places) {
    if (++work_ > max_work)
      break;
    if (place.path.empty() || environment_.stat(place))
      names.push_back(names_device ? place.text() : place.path);
  }
  return names;
}

std::vector<DeviceName> Glob::devices(std::string_view pattern) {
  if (!is_pattern(pattern))
    return {DeviceName{plain(pattern)}};
  std::vector<DeviceName> found;
  for (DeviceName& device : environment_.devices()) {
    ++work_;
    if (found.size() < limits::arguments && matches(pattern, device.text))
      found.push_back(std::move(device));
  }
  return found;
}

/// The places one name further on.
std::vector<FilePath> Glob::step_into(const std::vector<FilePath>& places, std::string_view step) {
  std::vector<FilePath> next;
  std::size_t bytes = 0;
  const auto keep = [&](const FilePath& place, std::string_view name) {
    bytes += place.device.text.size() + place.path.size() + 1 + name.size();
    if (bytes <= limits::argument_bytes && next.size() < limits::arguments)
      next.push_back({place.device, place.path + "/" + std::string(name)});
  };
  const std::uint64_t cost = 1 + step.size() / 64; // of one name
  const bool fixed = !is_pattern(step);
  const std::string name_itself = fixed ? plain(step) : std::string();
  for (const FilePath& place : places) {
    work_ += cost + place.path.size() / 64;
    if (work_ > max_work)
      break;
    if (fixed) {
      keep(place, name_itself);
      continue;
    }
    const auto names = environment_.list({place.device, place.path.empty() ? "/" : place.path});
    work_ += cost * (names ? names->size() : 0);
    if (!names || work_ > max_work)
      continue;
    for (const Name& name : *names) {
      const bool hidden = name.name.starts_with('.') && !step.starts_with('.');
      if (!hidden && matches(step, name.name))
        keep(place, name.name);
    }
  }
  return next;
}

} // namespace pvboot::config::grub
