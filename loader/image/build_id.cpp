#include "loader/image/build_id.hpp"

#include "loader/image/elf.hpp"
#include "loader/image/note_table.hpp"

namespace pvboot::image {

namespace {

constexpr std::uint32_t note_build_id = 3; // NT_GNU_BUILD_ID

Result<Bytes> find_in(Bytes table) {
  NoteTable notes(table);
  while (const auto note = TRY(notes.next()))
    if (note->type == note_build_id && note->owner == "GNU")
      return note->desc;
  return Bytes();
}

Result<Bytes> find(Bytes file) {
  const ElfHeader header = TRY(read_elf_header(file));
  for (const ProgramHeader& segment : TRY(read_program_headers(header, file))) {
    if (segment.type != segment_note || segment.file_size > max_note_bytes)
      continue;
    const auto table = cut(file, segment.offset, segment.file_size);
    if (const Bytes found = table ? build_id_in(*table) : Bytes(); !found.empty())
      return found;
  }
  return Bytes();
}

} // namespace

Bytes build_id(Bytes file) { return find(file).value_or(Bytes()); }

Bytes build_id_in(Bytes note_table) { return find_in(note_table).value_or(Bytes()); }

} // namespace pvboot::image
