#include "tools/pvboot/host_file.hpp"

#include "tools/pvboot/readable_file.hpp"

namespace pvboot::tools {

namespace {

class HostFile final : public fs::File {
public:
  explicit HostFile(ReadableFile file) : file_(std::move(file)) {}

  std::uint64_t size() const override { return file_.size(); }

  Result<fs::Run> run_at(std::uint64_t offset) override {
    return fs::Run{.kind = fs::Run::Kind::encoded, .offset = offset, .length = size() - offset};
  }

  Result<void> read(std::uint64_t offset, MutBytes out) override {
    if (offset > size() || out.size() > size() - offset)
      return fail(Code::invalid, "read past the end of the file");
    if (!file_.read(offset, out.data(), out.size()))
      return fail(Code::io, "the file could not be read");
    return {};
  }

private:
  ReadableFile file_;
};

} // namespace

Result<std::unique_ptr<fs::File>> open_host_file(const std::string& path) {
  return std::make_unique<HostFile>(TRY(ReadableFile::open(path)));
}

} // namespace pvboot::tools
