// Contents that lie in the inode: 60 bytes in its block area, what is left in the attribute system.data.
//
// Only attributes inside the inode are read, for system.data is never elsewhere; names and values are cut with
// their bounds checked. [ext4: inlinedata, attributes]
#pragma once

#include "fs/ext/volume.hpp"

namespace pvboot::fs::ext {

/// The inode's contents. They may be fewer than `inode.size`, never more: a sparse file's zeroes are not stored.
/// Code::corrupt when the attribute is needed and is not there.
Result<std::vector<std::byte>> read_inline_data(const Inode& inode);

} // namespace pvboot::fs::ext
