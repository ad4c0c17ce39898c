// ext2, ext3 and ext4, read-only, as a Filesystem.
//
// A filesystem that was not cleanly unmounted is read as it lies there; warnings() says so. Features are checked
// precisely: what would make files read wrongly is refused by its name, and what concerns single files or directories
// (encryption, names that fold case) only where a path touches it. In a directory that folds case, names are
// found as they are written. [Linux: Documentation/filesystems/ext4]
#pragma once

#include "fs/filesystem.hpp"

namespace pvboot::fs::ext {

/// The ext filesystem on `source`; Code::not_found when there is no ext superblock.
Result<std::unique_ptr<Filesystem>> probe(BlockSource& source);

} // namespace pvboot::fs::ext
