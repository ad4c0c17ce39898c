// A guest's disks as the host command sees them: image files in the guest's order, xvda, xvdb, ...
#pragma once

#include "loader/discover/disk_set.hpp"
#include "tools/pvboot/file_source.hpp"

#include <string>
#include <vector>

namespace pvboot::tools {

class GuestDisks {
public:
  /// Code::invalid for no image or more than 26; fails as ReadableFile::open does for one that cannot be opened.
  static Result<GuestDisks> open(const std::vector<std::string>& images);

  loader::DiskSet& set() { return set_; }

  /// Whether `text` has a form that find() takes: "/name", "(device)/name" or "(device)".
  static bool is_path(std::string_view text);

  /// "(xvda1)/boot/x" on that device; "/boot/x" on the first filesystem that has it, whatever it is there. Where none
  /// has it, a filesystem that could not be read is the error: it may be there.
  struct Place {
    loader::Mount mount;
    std::string path;

    std::string text() const { return "(" + mount.device().name() + ")" + path; } ///< for errors
  };
  Result<Place> find(std::string_view path);

private:
  std::vector<std::unique_ptr<FileSource>> sources_;
  loader::DiskSet set_;
};

} // namespace pvboot::tools
