// How much of a run a device can put straight into its final memory.
//
// A device moves whole blocks to memory aligned to 512 bytes. The last block of a file may be read past the file's
// end when there is room; anywhere else what is left over must go through File::read.
#pragma once

#include "fs/file.hpp"

namespace pvboot::fs {

struct DirectPart {
  std::size_t useful = 0;   ///< bytes of the run, from its beginning; 0: none can be read directly
  std::size_t transfer = 0; ///< bytes to ask the device for; useful, or that rounded up to whole blocks
};

/// `out` is the memory from the run's place on; all of it may be written to. A run longer than `out` is cut.
DirectPart direct_part(const Run& run, MutBytes out, std::uint64_t file_size);

} // namespace pvboot::fs
