#include "tools/pvboot/host_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pvboot::tools {

namespace {

class HostFile final : public fs::File {
public:
  HostFile(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  ~HostFile() override { ::close(descriptor_); }
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  std::uint64_t size() const override { return size_; }

  Result<fs::Run> run_at(std::uint64_t offset) override {
    return fs::Run{.kind = fs::Run::Kind::encoded, .offset = offset, .length = size_ - offset};
  }

  Result<void> read(std::uint64_t offset, MutBytes out) override {
    if (offset > size_ || out.size() > size_ - offset)
      return fail(Code::invalid, "read past the end of the file");
    const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count != static_cast<ssize_t>(out.size()))
      return fail(Code::io, "the file could not be read");
    return {};
  }

private:
  int descriptor_;
  std::uint64_t size_;
};

} // namespace

Result<std::unique_ptr<fs::File>> open_host_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts{};
  if (descriptor < 0 || ::fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    if (descriptor >= 0)
      ::close(descriptor);
    return fail(Code::not_found, "is not a file that can be read", path);
  }
  return std::make_unique<HostFile>(descriptor, static_cast<std::uint64_t>(facts.st_size));
}

} // namespace pvboot::tools
