// A BlockSource over a file on the host: a guest's disk image, opened read-only.
#pragma once

#include "base/immediate_source.hpp"
#include "tools/pvboot/readable_file.hpp"

#include <memory>

namespace pvboot::tools {

class FileSource final : public ImmediateSource {
public:
  /// `name` is the guest's name for the disk. Fails as ReadableFile::open does.
  static Result<std::unique_ptr<FileSource>> open(const std::string& path, std::string_view name);

private:
  FileSource(ReadableFile file, std::string_view name)
      : ImmediateSource(file.size(), name, 512, false), file_(std::move(file)) {}
  BlockStatus transfer(BlockOp op, std::uint64_t offset, MutBytes segment) override;

  ReadableFile file_;
};

} // namespace pvboot::tools
