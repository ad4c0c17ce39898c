#include "loader/image/note_table.hpp"

#include "base/checked.hpp"

#include <algorithm>

namespace pvboot::image {

namespace {

struct NoteHeader {
  le32 name_size;
  le32 desc_size;
  le32 type;
};
static_assert(sizeof(NoteHeader) == 12);

constexpr std::uint64_t unit = 4;

} // namespace

Result<std::optional<NoteView>> NoteTable::next() {
  if (rest_.size() < sizeof(NoteHeader))
    return std::nullopt;
  const auto header = TRY(read_as<NoteHeader>(rest_));
  const std::uint64_t name_size = header.name_size.get();
  const std::uint64_t desc_size = header.desc_size.get();
  const std::uint64_t desc_at = sizeof(NoteHeader) + align_up<std::uint64_t>(name_size, unit);
  const auto name = cut(rest_, sizeof(NoteHeader), name_size);
  const auto desc = cut(rest_, desc_at, desc_size);
  if (!name || !desc)
    return fail(Code::corrupt, "an ELF note reaches past the end of its table");
  NoteView note{.owner = as_text(*name), .type = header.type.get(), .desc = *desc};
  if (note.owner.ends_with('\0'))
    note.owner.remove_suffix(1);
  // The padding of the last descriptor may be missing.
  const std::uint64_t end = desc_at + align_up<std::uint64_t>(desc_size, unit);
  rest_ = rest_.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(end, rest_.size())));
  return note;
}

} // namespace pvboot::image
