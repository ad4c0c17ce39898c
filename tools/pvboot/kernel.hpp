// A kernel file read as the loader reads it: streamed through its decompressor into a window.
#pragma once

#include "loader/image/kernel_stream.hpp"

#include <memory>
#include <vector>

namespace pvboot::tools {

struct Kernel {
  image::ImageHead head;
  image::KernelInfo info;
  std::uint64_t content_size = 0; ///< bytes of the ELF after decoding
};

/// The whole file, checksums included.
Result<Kernel> read_kernel(fs::File& file);

} // namespace pvboot::tools
