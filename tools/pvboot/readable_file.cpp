#include "tools/pvboot/readable_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pvboot::tools {

namespace {

std::unexpected<Error> not_opened(const std::string& path) {
  switch (errno) {
  case ENOENT:
  case ENOTDIR: return fail(Code::not_found, "there is no such file on this host", path);
  case EACCES:
  case EPERM: return fail(Code::denied, "you are not permitted to read it", path);
  default: return fail(Code::io, "it cannot be opened for reading", path);
  }
}

} // namespace

Result<ReadableFile> ReadableFile::open(const std::string& path) {
  // A named pipe must not make us wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return not_opened(path);
  ReadableFile file(descriptor, 0);
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0)
    return fail(Code::io, "nothing can be learned about it", path);
  if (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode))
    return fail(Code::unsupported, "it is neither a file nor a block device", path);
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  if (size < 0)
    return fail(Code::io, "its size cannot be found", path);
  file.size_ = static_cast<std::uint64_t>(size);
  return file;
}

ReadableFile::~ReadableFile() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

bool ReadableFile::read(std::uint64_t offset, std::byte* out, std::size_t count) const {
  return ::pread(descriptor_, out, count, static_cast<off_t>(offset)) == static_cast<ssize_t>(count);
}

} // namespace pvboot::tools
