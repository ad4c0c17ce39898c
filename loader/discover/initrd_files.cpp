#include "loader/discover/initrd_files.hpp"

#include "base/units.hpp"
#include "loader/discover/newc_archive.hpp"

namespace pvboot::loader {

namespace {

constexpr std::uint64_t archive_alignment = 4;
constexpr std::uint64_t least_gap = 4;

/// Nothing comes before the first.
Result<void> begin_archive(FileBundle& bundle, std::uint64_t alignment) {
  return bundle.size() == 0 ? Result<void>{} : bundle.pad(alignment, least_gap);
}

Result<void> add_wrapped(FileBundle& bundle, NewcArchive& archive, InitrdFile file) {
  TRY(archive.open() ? bundle.pad(archive_alignment) : begin_archive(bundle, archive_alignment));
  TRY(bundle.add(TRY(archive.member(file.newc_name, file.file.file->size()))));
  return bundle.add(std::move(file.file), std::move(file.name));
}

Result<void> end_wrapping(FileBundle& bundle, NewcArchive& archive) {
  if (!archive.open())
    return {};
  TRY(bundle.pad(archive_alignment));
  return bundle.add(archive.trailer());
}

Result<void> add_plain(FileBundle& bundle, NewcArchive& archive, InitrdFile file) {
  TRY(end_wrapping(bundle, archive));
  // That an update has left empty on a full disk: the kernel would start without what it needs.
  if (file.file.file->size() == 0)
    return fail(Code::corrupt, "the initrd is an empty file");
  TRY(begin_archive(bundle, page_size));
  return bundle.add(std::move(file.file), std::move(file.name));
}

} // namespace

Result<FileBundle> concatenate(std::vector<InitrdFile> files) {
  FileBundle bundle;
  NewcArchive archive;
  for (InitrdFile& file : files) {
    const std::string name = file.name;
    TRY_AT(file.newc_name.empty() ? add_plain(bundle, archive, std::move(file))
                                  : add_wrapped(bundle, archive, std::move(file)),
           name);
  }
  TRY(end_wrapping(bundle, archive));
  return bundle;
}

std::string text_of(const config::Initrd& initrd) {
  return (initrd.newc_name.empty() ? std::string() : "newc:" + initrd.newc_name + ":") + initrd.file.text();
}

} // namespace pvboot::loader
