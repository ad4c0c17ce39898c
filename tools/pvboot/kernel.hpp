// A kernel file, read as the loader reads it: peek, decompress, headers and notes.
#pragma once

#include "loader/image/kernel_stream.hpp"

namespace pvboot::tools {

struct Kernel {
  image::ImageHead head;
  image::KernelInfo info;
  std::uint64_t content_size = 0; ///< bytes of the uncompressed ELF file
};

/// A kernel that can be booted, as far as that depends on its file; otherwise what the loader would say of it.
Result<Kernel> read_kernel(fs::File& file);

/// What is known of a kernel file that may be damaged, or no kernel at all.
struct Inspection {
  std::optional<image::ImageHead> head;
  std::optional<image::KernelInfo> info;
  std::uint64_t content_size = 0; ///< bytes of the uncompressed ELF file that could be read
  Result<void> verdict;           ///< what the loader would say of it
};

Inspection inspect(fs::File& file);

} // namespace pvboot::tools
