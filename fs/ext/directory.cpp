#include "fs/ext/directory.hpp"

#include "base/text.hpp"
#include "fs/checksum.hpp"

namespace pvboot::fs::ext {

namespace {

// An inline directory begins with its parent's inode number; then come the entries.
constexpr std::size_t inline_parent_size = sizeof(le32);
constexpr std::size_t min_record = 12;

std::uint32_t checksum_of_index(std::uint32_t seed, Bytes entries, const HashTail& tail) {
  constexpr std::byte zeroes[sizeof(le32)] = {};
  std::uint32_t crc = crc32c_update(seed, entries);
  crc = crc32c_update(crc, std::as_bytes(std::span(&tail.reserved, 1)));
  return crc32c_update(crc, zeroes);
}

} // namespace

FileType type_of_dirent(std::uint8_t type) {
  switch (type) {
  case 1: return FileType::regular;
  case 2: return FileType::directory;
  case 7: return FileType::symlink;
  default: return FileType::other;
  }
}

Directory::Directory(Volume& volume, const Inode& inode, std::unique_ptr<InodeData> data)
    : volume_(&volume), data_(std::move(data)), number_(inode.number), checksum_seed_(inode.checksum_seed),
      is_inline_(inode.has(inode_flag::inline_data)), is_hashed_(inode.has(inode_flag::indexed)) {}

Result<Directory> Directory::open(Volume& volume, const Inode& inode) {
  const std::string place = "inode " + dec(inode.number.value);
  if (inode.has(inode_flag::encrypted))
    return fail(Code::unsupported, "the directory is encrypted", place);
  if (inode.size > max_bytes)
    return fail(Code::too_large, "the directory is larger than is read", place);
  const Layout& layout = volume.layout();
  if (inode.has(inode_flag::inline_data)) {
    // Its parts are read as wholes: what the inode says must not make them large.
    if (inode.size > layout.inode_size)
      return fail(Code::corrupt, "a directory larger than the inode that holds it", place);
  } else if (inode.size % layout.block_size != 0) {
    return fail(Code::corrupt, "a directory whose size is not whole blocks", place);
  }
  return Directory(volume, inode, TRY(InodeData::open(volume, inode)));
}

std::string Directory::place() const {
  return "inode " + dec(number_.value) + ": directory block " + dec(next_part_ - 1);
}

Result<bool> Directory::next(Dirent& out) {
  for (;;) {
    if (at_ < part_.size()) {
      if (TRY_AT(next_in_part(out), place()))
        return true;
    } else if (!TRY(load_part())) {
      return false;
    }
  }
}

Result<bool> Directory::load_part() {
  at_ = 0;
  if (!is_inline_)
    return load_block();
  // First what is in the block area, then the attribute's value; each begins a chain of records.
  constexpr std::uint64_t bounds[] = {inline_parent_size, block_area_size, ~std::uint64_t{0}};
  if (next_part_ == 2)
    return false;
  const std::uint64_t first = std::min(bounds[next_part_], data_->size());
  const std::uint64_t end = std::min(bounds[next_part_ + 1], data_->size());
  ++next_part_;
  part_.resize(static_cast<std::size_t>(end - first));
  TRY(data_->read(first, part_));
  return true;
}

Result<bool> Directory::load_block() {
  const std::uint64_t block_size = volume_->layout().block_size;
  const std::uint64_t offset = next_part_ * block_size;
  if (offset >= data_->size())
    return false;
  ++next_part_;
  if (TRY(data_->run_at(offset)).kind != Run::Kind::disk)
    return fail(Code::corrupt, "a hole in a directory", place());
  part_.resize(static_cast<std::size_t>(block_size));
  TRY(data_->read(offset, part_));
  const std::size_t entries = is_hashed_ ? index_offset() : 0;
  if (volume_->layout().metadata_has_checksums())
    TRY_AT(entries != 0 ? check_index(entries) : check_leaf(), place());
  return true;
}

/// Where the entries of an index block begin; 0 when the block at hand is none.
std::size_t Directory::index_offset() const {
  const auto first = read_as<DirentHeader>(part_);
  if (!first)
    return 0;
  if (record_length(first->record_length) == part_.size())
    return sizeof(DirentHeader);
  // The root holds "." and a ".." that takes all that is left; behind their records is the root's own header.
  constexpr std::size_t info_at = 2 * min_record;
  const auto second = read_as<DirentHeader>(part_, min_record);
  const auto info = read_as<HashRootInfo>(part_, info_at);
  if (next_part_ != 1 || !second || !info || record_length(first->record_length) != min_record ||
      record_length(second->record_length) != part_.size() - min_record || info->reserved_zero.get() != 0 ||
      info->info_length != sizeof(HashRootInfo))
    return 0;
  return info_at + sizeof(HashRootInfo);
}

Result<void> Directory::check_leaf() const {
  const std::size_t tail_at = part_.size() - sizeof(DirentTail);
  const auto tail = TRY(read_as<DirentTail>(part_, tail_at));
  if (tail.header.inode.get() != 0 || tail.header.record_length.get() != sizeof(DirentTail) ||
      tail.header.file_type != dirent_tail_type)
    return fail(Code::corrupt, "no place for a checksum");
  if (crc32c_update(checksum_seed_, Bytes(part_).first(tail_at)) != tail.checksum.get())
    return fail(Code::corrupt, "checksum mismatch");
  return {};
}

Result<void> Directory::check_index(std::size_t count_offset) const {
  const auto counts = TRY(read_as<HashCount>(part_, count_offset));
  const std::size_t limit = counts.limit.get();
  const std::size_t count = counts.count.get();
  const auto tail = read_as<HashTail>(part_, count_offset + limit * hash_entry_size);
  if (!tail || count > limit)
    return fail(Code::corrupt, "more index entries than fit");
  const Bytes covered = Bytes(part_).first(count_offset + count * hash_entry_size);
  if (checksum_of_index(checksum_seed_, covered, *tail) != tail->checksum.get())
    return fail(Code::corrupt, "index checksum mismatch");
  return {};
}

std::size_t Directory::record_length(le16 field) const {
  // In blocks of 64 KiB a record may be as long as 16 bits cannot say: the two low bits, never used, carry the rest.
  const std::size_t length = field.get();
  if (volume_->layout().block_size < 65536)
    return length;
  if (length == 65535 || length == 0)
    return 65536;
  return (length & 65532) | (length & 3) << 16;
}

Result<bool> Directory::next_in_part(Dirent& out) {
  const auto header = TRY(read_as<DirentHeader>(part_, at_));
  const std::size_t length = record_length(header.record_length);
  if (length < min_record || length % 4 != 0 || length > part_.size() - at_ ||
      sizeof header + header.name_length > length)
    return fail(Code::corrupt, "a directory record that does not fit");
  const Bytes name = Bytes(part_).subspan(at_ + sizeof header, header.name_length);
  at_ += length;
  if (header.inode.get() == 0)
    return false;
  out.name = as_text(name);
  if (out.name.empty() || out.name.find('/') != out.name.npos || out.name.find('\0') != out.name.npos)
    return fail(Code::corrupt, "an impossible name");
  out.inode = {header.inode.get()};
  out.type = volume_->layout().has_incompat(incompat::filetype) ? header.file_type & 0x0f : 0;
  return true;
}

} // namespace pvboot::fs::ext
