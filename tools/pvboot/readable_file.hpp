// A file or a block device of the host, open for reading.
#pragma once

#include "base/result.hpp"

#include <string>
#include <utility>

namespace pvboot::tools {

class ReadableFile {
public:
  /// Code::not_found, denied or io, with what is in the way; Code::unsupported for a folder and the like.
  static Result<ReadableFile> open(const std::string& path);

  ReadableFile(ReadableFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
  ReadableFile& operator=(ReadableFile&&) = delete;
  ~ReadableFile();

  std::uint64_t size() const { return size_; } ///< bytes

  /// Fills `out` from `offset`; false when that many bytes could not be had.
  bool read(std::uint64_t offset, std::byte* out, std::size_t count) const;

private:
  ReadableFile(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}

  int descriptor_;
  std::uint64_t size_;
};

} // namespace pvboot::tools
