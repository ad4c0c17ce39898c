#include "loader/discover/newc_archive.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>

namespace pvboot::loader {

namespace {

constexpr std::string_view trailer_name = "TRAILER!!!";
constexpr std::uint32_t folder_mode = 0040755, file_mode = 0100755;
// Each folder is a header with its whole path, and all of them are in the loader's heap. (Linux takes 4,095 bytes.)
constexpr std::size_t longest_name = 1023;
constexpr std::size_t deepest_name = 24; // steps
constexpr std::uint64_t largest_file = 0xffff'ffff;

void add_field(std::string& out, std::uint32_t value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (int shift = 28; shift >= 0; shift -= 4)
    out += digits[value >> shift & 15];
}

std::string header(std::string_view name, std::uint32_t mode, std::uint32_t size) {
  struct Fields { // [buffer-format.rst: cpio_header, after c_magic]
    std::uint32_t inode = 0, mode = 0, uid = 0, gid = 0, links = 1, mtime = 0, file_size = 0, major = 0, minor = 0,
                  special_major = 0, special_minor = 0, name_size = 0, checksum = 0;
  };
  const Fields f{.mode = mode, .file_size = size, .name_size = static_cast<std::uint32_t>(name.size() + 1)};
  std::string out = "070701";
  for (const std::uint32_t field : std::array{f.inode, f.mode, f.uid, f.gid, f.links, f.mtime, f.file_size, f.major,
                                              f.minor, f.special_major, f.special_minor, f.name_size, f.checksum})
    add_field(out, field);
  out += name;
  out += '\0';
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}

/// "//a/./b" is a, then b.
std::vector<std::string_view> steps_of(std::string_view name) {
  std::vector<std::string_view> steps;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view step = name.substr(0, end);
    if (!step.empty() && step != ".")
      steps.push_back(step);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return steps;
}

} // namespace

Result<std::string> NewcArchive::member(std::string_view name, std::uint64_t size) {
  if (name.size() > longest_name)
    return fail(Code::too_large, "newc: a name of more than 1,023 bytes");
  const auto steps = steps_of(name);
  if (steps.empty() || name.ends_with('/') || (steps.size() == 1 && steps[0] == trailer_name))
    return fail(Code::invalid, "newc: a name that no file can have", name);
  if (steps.size() > deepest_name)
    return fail(Code::too_large, "newc: a name of more than 24 steps");
  if (size > largest_file)
    return fail(Code::too_large, "newc: an archive holds no file of 4 GiB or more", name);
  std::string out;
  std::string path;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    path += i == 0 ? "" : "/";
    path += steps[i];
    if (i + 1 == steps.size()) {
      out += header(path, file_mode, static_cast<std::uint32_t>(size));
    } else if (std::ranges::find(folders_, path) == folders_.end()) {
      out += header(path, folder_mode, 0);
      folders_.push_back(path);
    }
  }
  open_ = true;
  return out;
}

std::string NewcArchive::trailer() {
  open_ = false;
  folders_.clear();
  return header(trailer_name, 0, 0);
}

} // namespace pvboot::loader
