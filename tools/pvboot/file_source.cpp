#include "tools/pvboot/file_source.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace pvboot::tools {

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, std::string_view name) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(Code::not_found, "cannot be opened for reading", path);
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  if (size < 0) {
    ::close(descriptor);
    return fail(Code::io, "its size cannot be found; is it a file or a block device?", path);
  }
  return std::unique_ptr<FileSource>(new FileSource(descriptor, static_cast<std::uint64_t>(size), name));
}

FileSource::~FileSource() { ::close(descriptor_); }

BlockStatus FileSource::transfer(BlockOp op, std::uint64_t offset, MutBytes segment) {
  if (op != BlockOp::read)
    return BlockStatus::unsupported;
  const ssize_t count = ::pread(descriptor_, segment.data(), segment.size(), static_cast<off_t>(offset));
  return count == static_cast<ssize_t>(segment.size()) ? BlockStatus::ok : BlockStatus::io_error;
}

} // namespace pvboot::tools
