// A file's bytes in order, read a buffer at a time.
#pragma once

#include "fs/file.hpp"
#include "loader/image/kernel_stream.hpp"

namespace pvboot::image {

class FileChunks final : public ChunkSource {
public:
  /// Each chunk fills `buffer`, but for the last; both arguments must outlive the source.
  FileChunks(fs::File& file, MutBytes buffer) : file_(file), buffer_(buffer) {}

  Result<Bytes> next() override;

private:
  fs::File& file_;
  MutBytes buffer_;
  std::uint64_t offset_ = 0;
};

} // namespace pvboot::image
