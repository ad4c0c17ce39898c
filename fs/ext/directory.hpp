// A directory's entries, one after another.
//
// Hashed directories (htree) are read as what they are beneath: a list of blocks, of which the index blocks hold no
// entries. Each block is verified against its checksum where the filesystem has them; records must lie inside
// their block, so a walk through it ends. Inline directories have two parts: in the inode and in its attribute.
//
// Fails with Code::unsupported for encrypted directories, Code::too_large over `max_bytes`, Code::corrupt (with the
// block in the directory) or the device's code. [ext4: directory]
#pragma once

#include "fs/ext/inode_data.hpp"
#include "fs/filesystem.hpp"

namespace pvboot::fs::ext {

struct Dirent {
  InodeNumber inode;
  std::uint8_t type = 0; ///< as it lies on disk; 0: the filesystem does not say
  std::string_view name; ///< valid until the next next()
};

class Directory {
public:
  /// Ten thousands of files; a hostile one can pretend to be any size.
  static constexpr std::uint64_t max_bytes = std::uint64_t{64} << 20;

  static Result<Directory> open(Volume& volume, const Inode& inode);

  /// The next entry in use, "." and ".." among them where the directory has them; false at the end.
  Result<bool> next(Dirent& out);

private:
  Directory(Volume& volume, const Inode& inode, std::unique_ptr<InodeData> data);
  Result<bool> load_part();
  Result<bool> load_block();
  Result<bool> next_in_part(Dirent& out);
  Result<void> check_leaf() const;
  Result<void> check_index(std::size_t count_offset) const;
  std::size_t index_offset() const;
  std::size_t record_length(le16 field) const;
  std::string place() const;

  Volume* volume_;
  std::unique_ptr<InodeData> data_;
  InodeNumber number_;
  std::uint32_t checksum_seed_;
  bool is_inline_;
  bool is_hashed_;
  std::uint64_t next_part_ = 0; ///< a block; or a part of an inline directory
  std::vector<std::byte> part_;
  std::size_t at_ = 0;
};

/// The FileType that a directory entry's type byte means; other for 0 too.
FileType type_of_dirent(std::uint8_t type);

} // namespace pvboot::fs::ext
