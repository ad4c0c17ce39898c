#include "tools/pvboot/file_source.hpp"

namespace pvboot::tools {

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, std::string_view name) {
  ReadableFile file = TRY(ReadableFile::open(path));
  return std::unique_ptr<FileSource>(new FileSource(std::move(file), name));
}

BlockStatus FileSource::transfer(BlockOp op, std::uint64_t offset, MutBytes segment) {
  if (op != BlockOp::read)
    return BlockStatus::unsupported;
  return file_.read(offset, segment.data(), segment.size()) ? BlockStatus::ok : BlockStatus::io_error;
}

} // namespace pvboot::tools
