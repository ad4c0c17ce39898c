#include "tools/pvboot/file_source.hpp"

#include <algorithm>
#include <array>

namespace pvboot::tools {

namespace {

/// Formats of virtual machines' disks that keep blocks elsewhere than a disk has them. dom0 gives a guest the blocks;
/// here only files are read that hold them as they are.
struct Format {
  std::string_view magic;
  const char* name;
};
constexpr std::array<Format, 6> wrapped{{
    {{"QFI\xfb", 4}, "qcow2"},
    {{"KDMV", 4}, "VMDK"},
    {{"# Disk DescriptorFile", 21}, "VMDK"},
    {{"conectix", 8}, "VHD"},
    {{"vhdxfile", 8}, "VHDX"},
    {{"<<< ", 4}, "VDI"},
}};

Result<void> refuse_wrapped(const ReadableFile& file, const std::string& path) {
  std::array<std::byte, 21> first{};
  if (file.size() < first.size() || !file.read(0, first.data(), first.size()))
    return {};
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  for (const Format& format : wrapped)
    if (text.starts_with(format.magic))
      return fail(Code::unsupported,
                  "the image is not raw; `qemu-img convert -O raw IMAGE RAW` makes a file that can be read here",
                  std::string(format.name) + " " + path);
  return {};
}

} // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, std::string_view name) {
  ReadableFile file = TRY(ReadableFile::open(path));
  TRY(refuse_wrapped(file, path));
  return std::unique_ptr<FileSource>(new FileSource(std::move(file), name));
}

BlockStatus FileSource::transfer(BlockOp op, std::uint64_t offset, MutBytes segment) {
  if (op != BlockOp::read)
    return BlockStatus::unsupported;
  return file_.read(offset, segment.data(), segment.size()) ? BlockStatus::ok : BlockStatus::io_error;
}

} // namespace pvboot::tools
