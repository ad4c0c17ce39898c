// The headers of a cpio archive in the "newc" format, for files that a configuration wants wrapped into one
// [Linux: Documentation/driver-api/early-userspace/buffer-format.rst].
//
// A member is a header of 110 bytes, its name with a NUL, and its content, name and content each padded to 4 bytes from
// the beginning of the archive, which is a multiple of 4 in the initrd. The folders that lead to a file come before it,
// each once in an archive: Linux makes none by itself. Everything belongs to root, with mode 0755, so that a script can
// be wrapped; a folder that an earlier archive has made keeps no wider mode than that (GRUB gives 0777).
//
// Fails with Code::invalid for a name that names no file, with Code::too_large for a file of 4 GiB
// and for a name of more than 1,023 bytes or 24 steps.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::loader {

class NewcArchive {
public:
  /// What comes before the file's `size` bytes; its length is a multiple of 4. Slashes before, behind one another
  /// and single dots in `name` mean nothing.
  Result<std::string> member(std::string_view name, std::uint64_t size);

  /// Whether there are members that a trailer must follow.
  bool open() const { return open_; }

  /// The end of the archive, a multiple of 4; the next member begins another one.
  std::string trailer();

private:
  bool open_ = false;
  std::vector<std::string> folders_;
};

} // namespace pvboot::loader
