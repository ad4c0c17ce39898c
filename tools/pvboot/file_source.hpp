// A BlockSource over a file on the host: a guest's disk image, opened read-only.
#pragma once

#include "base/immediate_source.hpp"

#include <memory>
#include <string>

namespace pvboot::tools {

class FileSource final : public ImmediateSource {
public:
  /// `name` is the guest's name for the disk. Code::not_found or Code::io when the file cannot be opened.
  static Result<std::unique_ptr<FileSource>> open(const std::string& path, std::string_view name);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

private:
  FileSource(int descriptor, std::uint64_t size, std::string_view name)
      : ImmediateSource(size, name, 512, false), descriptor_(descriptor) {}
  BlockStatus transfer(BlockOp op, std::uint64_t offset, MutBytes segment) override;

  int descriptor_;
};

} // namespace pvboot::tools
