#include "fs/ext/ext_filesystem.hpp"

#include "base/text.hpp"
#include "fs/ext/directory.hpp"
#include "fs/path_walk.hpp"

namespace pvboot::fs::ext {

namespace {

/// Puts "xvda1: ext4" before an error's places.
Error placed(Error error, Volume& volume) {
  return std::move(error).at(volume.layout().type()).at(volume.device().source().name());
}

template <typename T> Result<T> placed(Result<T> result, Volume& volume) {
  if (!result)
    return std::unexpected(placed(std::move(result).error(), volume));
  return result;
}

FileType type_of(const Inode& inode) {
  if (inode.is_regular())
    return FileType::regular;
  if (inode.is_directory())
    return FileType::directory;
  return inode.is_symlink() ? FileType::symlink : FileType::other;
}

class ExtFile final : public File {
public:
  ExtFile(Volume& volume, std::unique_ptr<InodeData> data) : volume_(volume), data_(std::move(data)) {}

  std::uint64_t size() const override { return data_->size(); }
  Result<Run> run_at(std::uint64_t offset) override { return placed(data_->run_at(offset), volume_); }
  Result<void> read(std::uint64_t offset, MutBytes out) override { return placed(data_->read(offset, out), volume_); }

private:
  Volume& volume_;
  std::unique_ptr<InodeData> data_;
};

/// What a path walk needs; nodes are inode numbers.
class Tree {
public:
  explicit Tree(Volume& volume) : volume_(volume) {}

  InodeNumber root() const { return root_inode; }
  Result<FileType> type(InodeNumber node) { return type_of(TRY(volume_.read_inode(node))); }
  Result<InodeNumber> lookup(InodeNumber directory, std::string_view name);
  Result<std::string> link_text(InodeNumber link);

private:
  Volume& volume_;
};

Result<InodeNumber> Tree::lookup(InodeNumber directory, std::string_view name) {
  const Inode inode = TRY(volume_.read_inode(directory));
  if (!inode.is_directory())
    return fail(Code::corrupt, "not a directory", "inode " + dec(directory.value));
  Directory entries = TRY(Directory::open(volume_, inode));
  Dirent entry;
  while (TRY(entries.next(entry)))
    if (entry.name == name)
      return entry.inode;
  if (inode.has(inode_flag::casefold))
    return fail(Code::unsupported, "no such name as it is written, and folding case is not supported");
  return fail(Code::not_found, "no such file or directory");
}

Result<std::string> Tree::link_text(InodeNumber link) {
  const Inode inode = TRY(volume_.read_inode(link));
  if (inode.has(inode_flag::encrypted))
    return fail(Code::unsupported, "encrypted", "inode " + dec(link.value));
  if (inode.size > Filesystem::max_path)
    return fail(Code::corrupt, "impossible length of a symbolic link", "inode " + dec(link.value));
  std::string text(static_cast<std::size_t>(inode.size), '\0');
  const MutBytes bytes = std::as_writable_bytes(std::span(text));
  // A short target lies where the block pointers would.
  if (inode.size < block_area_size && !inode.has(inode_flag::extents) && !inode.has(inode_flag::inline_data)) {
    std::memcpy(bytes.data(), inode.block.data(), bytes.size());
  } else {
    const auto data = TRY(InodeData::open(volume_, inode));
    TRY(data->read(0, bytes));
  }
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

class ExtFilesystem final : public Filesystem {
public:
  explicit ExtFilesystem(std::unique_ptr<Volume> volume) : volume_(std::move(volume)), tree_(*volume_) {}

  std::string_view type() const override { return volume_->layout().type(); }
  std::string uuid() const override {
    const Uuid& uuid = volume_->layout().uuid;
    return uuid.is_nil() ? std::string() : uuid.text();
  }
  std::string label() const override { return volume_->layout().label; }
  std::vector<std::string> warnings() const override;

  Result<std::unique_ptr<File>> open(std::string_view path) override { return placed(open_file(path), *volume_); }
  Result<FileStat> stat(std::string_view path, bool follow) override { return placed(stat_of(path, follow), *volume_); }
  Result<std::vector<DirEntry>> list(std::string_view path) override { return placed(names_in(path), *volume_); }
  Result<std::string> read_link(std::string_view path) override { return placed(target_of(path), *volume_); }

private:
  Result<Inode> find(std::string_view path, bool follow) {
    return volume_->read_inode(TRY((PathWalk<Tree, InodeNumber>(tree_).find(path, follow))));
  }
  Result<std::unique_ptr<File>> open_file(std::string_view path);
  Result<FileStat> stat_of(std::string_view path, bool follow);
  Result<std::vector<DirEntry>> names_in(std::string_view path);
  Result<std::string> target_of(std::string_view path);

  std::unique_ptr<Volume> volume_;
  Tree tree_;
};

std::vector<std::string> ExtFilesystem::warnings() const {
  const Layout& layout = volume_->layout();
  std::vector<std::string> out;
  if (layout.needs_recovery())
    out.push_back("it was not cleanly unmounted; files are read without what its journal still holds");
  if (!layout.primary_failure.empty())
    out.push_back("its superblock is damaged (" + layout.primary_failure + "); the backup at byte " +
                  dec(layout.superblock_at) + " is used");
  return out;
}

Result<std::unique_ptr<File>> ExtFilesystem::open_file(std::string_view path) {
  const Inode inode = TRY(find(path, true));
  if (!inode.is_regular())
    return fail(Code::invalid, inode.is_directory() ? "is a directory" : "is not a regular file", printable(path));
  auto data = TRY_AT(InodeData::open(*volume_, inode), printable(path));
  return std::make_unique<ExtFile>(*volume_, std::move(data));
}

Result<FileStat> ExtFilesystem::stat_of(std::string_view path, bool follow) {
  const Inode inode = TRY(find(path, follow));
  return FileStat{.type = type_of(inode), .size = inode.size, .mtime = inode.mtime, .inode = inode.number.value};
}

Result<std::vector<DirEntry>> ExtFilesystem::names_in(std::string_view path) {
  const Inode inode = TRY(find(path, true));
  if (!inode.is_directory())
    return fail(Code::invalid, "is not a directory", printable(path));
  Directory entries = TRY(Directory::open(*volume_, inode));
  std::vector<DirEntry> out;
  std::size_t names_bytes = 0;
  Dirent entry;
  while (TRY(entries.next(entry))) {
    if (entry.name == "." || entry.name == "..")
      continue;
    names_bytes += entry.name.size();
    if (out.size() == max_entries || names_bytes > max_names_bytes)
      return fail(Code::too_large, "more names than are listed", printable(path));
    std::string name(entry.name);
    const FileType type = entry.type != 0 ? type_of_dirent(entry.type) : TRY(tree_.type(entry.inode));
    out.push_back({std::move(name), type});
  }
  return out;
}

Result<std::string> ExtFilesystem::target_of(std::string_view path) {
  const InodeNumber node = TRY((PathWalk<Tree, InodeNumber>(tree_).find(path, false)));
  if (TRY(tree_.type(node)) != FileType::symlink)
    return fail(Code::invalid, "is not a symbolic link", printable(path));
  return TRY_AT(tree_.link_text(node), printable(path));
}

} // namespace

Result<std::unique_ptr<Filesystem>> probe(BlockSource& source) {
  auto volume = Volume::open(source);
  if (!volume)
    return std::unexpected(std::move(volume).error().at("ext").at(source.name()));
  return std::make_unique<ExtFilesystem>(std::move(*volume));
}

} // namespace pvboot::fs::ext
