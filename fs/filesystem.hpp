// A filesystem on one BlockSource (or several): the seam between its format and everyone who opens files.
//
// Paths are absolute, with "/" between names; "", "/" and repeated slashes mean what they mean in POSIX, "." and ".."
// are resolved by name. Symbolic links are followed inside the filesystem, at most `max_links` of them in one path.
// A name may hold any byte but "/" and NUL.
#pragma once

#include "fs/file.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::fs {

enum class FileType : std::uint8_t { regular, directory, symlink, other };

struct FileStat {
  FileType type = FileType::other;
  std::uint64_t size = 0;  ///< bytes
  std::int64_t mtime = 0;  ///< seconds since 1970, 0 where the filesystem has none
  std::uint64_t inode = 0; ///< the filesystem's own number, for people
};

struct DirEntry {
  std::string name;
  FileType type = FileType::other;
};

class Filesystem {
public:
  static constexpr unsigned max_links = 40;
  static constexpr std::size_t max_path = 4096;
  static constexpr std::size_t max_entries = 16384; ///< list() refuses larger directories with Code::too_large, ...
  static constexpr std::size_t max_names_bytes = 1 << 20; ///< ... and those with longer names: the heap is small

  virtual ~Filesystem() = default;

  virtual std::string_view type() const = 0; ///< "ext4"
  virtual std::string uuid() const = 0;      ///< lower case with dashes as blkid prints it; empty where there is none
  virtual std::string label() const = 0;

  /// What a person should know although the filesystem can be read: a journal that was not replayed, a superblock
  /// taken from its backup. One sentence each.
  virtual std::vector<std::string> warnings() const { return {}; }

  /// A regular file; links followed. Code::not_found names the path up to the component that is missing;
  /// Code::invalid: it is no regular file.
  virtual Result<std::unique_ptr<File>> open(std::string_view path) = 0;

  /// What `path` is; links followed, except that of the last name when `follow` is false.
  virtual Result<FileStat> stat(std::string_view path, bool follow = true) = 0;

  /// The names in a directory, in the filesystem's order, without "." and "..".
  virtual Result<std::vector<DirEntry>> list(std::string_view path) = 0;

  /// Where a symbolic link points, as it is written there.
  virtual Result<std::string> read_link(std::string_view path) = 0;
};

/// The filesystem on `source`, whichever it is; Code::not_found when nothing here knows it, another code when one
/// does but the filesystem is damaged or uses a feature that is not read. `source` must outlive it. Errors of a
/// Filesystem and of its files begin with the source's name and the type: "xvda1: ext4: ...".
Result<std::unique_ptr<Filesystem>> probe(BlockSource& source);

/// The whole of a file, for configurations and the like; Code::too_large over `limit`.
Result<std::string> read_text(File& file, std::size_t limit);

} // namespace pvboot::fs
