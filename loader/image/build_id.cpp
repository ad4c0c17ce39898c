#include "loader/image/build_id.hpp"

#include "base/checked.hpp"
#include "loader/image/elf.hpp"

namespace pvboot::image {

namespace {

constexpr std::uint32_t segment_note = 4;  // PT_NOTE
constexpr std::uint32_t note_build_id = 3; // NT_GNU_BUILD_ID

struct NoteHeader {
  le32 name_size;
  le32 desc_size;
  le32 type;
};

Result<Bytes> find_in(Bytes table) {
  for (std::uint64_t at = 0; at < table.size();) {
    const auto header = TRY(read_as<NoteHeader>(table, at));
    at += sizeof header;
    const Bytes name = TRY(cut(table, at, header.name_size.get()));
    at += align_up<std::uint64_t>(header.name_size.get(), 4);
    const Bytes desc = TRY(cut(table, at, header.desc_size.get()));
    at += align_up<std::uint64_t>(header.desc_size.get(), 4);
    if (header.type.get() == note_build_id && as_text(name) == std::string_view("GNU\0", 4))
      return desc;
  }
  return Bytes();
}

Result<Bytes> find(Bytes file) {
  const ElfHeader header = TRY(read_elf_header(file));
  for (const ProgramHeader& segment : TRY(read_program_headers(header, file)))
    if (segment.type == segment_note)
      if (const Bytes found = TRY(find_in(TRY(cut(file, segment.offset, segment.file_size)))); !found.empty())
        return found;
  return Bytes();
}

} // namespace

Bytes build_id(Bytes file) { return find(file).value_or(Bytes()); }

} // namespace pvboot::image
