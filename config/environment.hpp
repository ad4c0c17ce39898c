// The seam between configurations and the machine they speak of: files, devices, a clock and a terminal.
//
// Whoever reads a configuration (the loader over vbds, the host command over image files, a test over a table) is an
// Environment. It is synchronous. config/ knows nothing of disks: a device is an opaque DeviceName, spelled as its
// author spelled it ("hd0,gpt1", "hd0,1", "xen/xvda,msdos1", "xvda1"; never with its parentheses), and only the
// Environment knows which device that is. Names that the Environment gives back are canonical: two of them are equal
// when they mean the same device.
//
// Paths are absolute with "/" between names, as fs::Filesystem takes them; they may hold any byte but NUL.
//
// Failing: Code::not_found for a device, file or directory that is not there, Code::io and Code::corrupt for one that
// can't be read, Code::denied for a write that is not allowed. No call may fail by hanging.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::config {

/// A device as configurations write it, without parentheses: "hd0,gpt1", "xvda1".
struct DeviceName {
  std::string text;

  bool empty() const { return text.empty(); }
  auto operator<=>(const DeviceName&) const = default;
};

/// A file: the device that holds it and its absolute path there.
///
/// A `path` that does not begin with "/" is a block list ("+1", "0+63"), as `chainloader` takes them.
struct FilePath {
  DeviceName device;
  std::string path;

  /// "(xvda1)/boot/grub/grub.cfg"
  std::string text() const;
  /// "(xvda1)/boot/grub": the text up to its last "/"; empty when there is none.
  std::string directory() const;
  auto operator<=>(const FilePath&) const = default;
};

/// "(device)/path" taken apart. A path without a device gets `home`; `(device)` alone has an empty path.
/// Code::invalid when a parenthesis stays open.
Result<FilePath> parse_path(std::string_view text, const DeviceName& home);

enum class FileKind : std::uint8_t { regular, directory, other };

struct FileInfo {
  FileKind kind = FileKind::other;
  std::uint64_t size = 0; ///< bytes
  std::int64_t mtime = 0; ///< seconds since 1970; 0 where the filesystem has none
};

struct Name {
  std::string name;
  FileKind kind = FileKind::other;
};

/// What is known about a device; an empty text where there is nothing to know.
struct DeviceInfo {
  std::string fs;    ///< the filesystem's type as GRUB names it: "ext2" for ext2/3/4, "xfs", "btrfs", "fat", "iso9660"
  std::string uuid;  ///< of the filesystem, as blkid prints it
  std::string label; ///< of the filesystem
  std::string partuuid; ///< of the partition
  std::string partmap;  ///< the table that the partition is an entry of: "gpt", "msdos"
};

class Environment {
public:
  virtual ~Environment() = default;

  /// The canonical name of a device. Code::not_found when there is none.
  virtual Result<DeviceName> resolve(const DeviceName& device) = 0;

  /// Every device that may hold a filesystem (whole disks, partitions, volumes), in the order in which a search tries
  /// them.
  virtual std::vector<DeviceName> devices() = 0;

  /// Those of them that lie on `disk`, itself first.
  virtual Result<std::vector<DeviceName>> devices_on(const DeviceName& disk) = 0;

  /// What is on a device. A device without a known filesystem is a success with an empty `fs`.
  virtual Result<DeviceInfo> probe(const DeviceName& device) = 0;

  /// What a path is; symbolic links are followed.
  virtual Result<FileInfo> stat(const FilePath& file) = 0;

  /// The whole of a regular file; Code::too_large when it has more than `limit` bytes, which are not read then.
  virtual Result<std::string> read(const FilePath& file, std::size_t limit) = 0;

  /// The names in a directory, in any order, without "." and "..".
  virtual Result<std::vector<Name>> list(const FilePath& directory) = 0;

  /// Overwrites bytes of a file where they lie; the file's size does not change. Code::denied when writes are off or
  /// the bytes have no place of their own on disk; nothing has been written then.
  virtual Result<void> write_in_place(const FilePath& file, std::uint64_t offset, Bytes bytes) = 0;

  /// The wall clock, in seconds since 1970 (UTC).
  virtual std::int64_t unix_time() = 0;

  /// Text that a configuration wants its user to see. Control bytes other than newline and tab have been replaced.
  virtual void print(std::string_view text) = 0;
};

} // namespace pvboot::config
