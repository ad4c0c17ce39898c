// Hostile notes: a table of them, a legacy section, and the symbols of a BSD kernel behind a table of sections. The
// first byte chooses. Bounds hold, what is kept is what stands there, and a shorter table has no more notes.
#include "loader/image/bsd_symbols.hpp"
#include "loader/image/note_table.hpp"
#include "loader/image/notes.hpp"

#include "tests/fuzz/script.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

using namespace pvboot;
using namespace pvboot::image;

namespace {

/// On the heap and of exact size, so that ASan sees the first byte read past it.
class Copy {
public:
  explicit Copy(Bytes bytes) : size_(bytes.size()), memory_(std::make_unique_for_overwrite<std::byte[]>(size_)) {
    std::ranges::copy(bytes, memory_.get());
  }
  Bytes bytes() const { return {memory_.get(), size_}; }

private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> memory_;
};

void check(const XenNotes& notes) {
  require(notes.all.size() <= max_notes);
  for (const Note& note : notes.all)
    require(note.desc.size() <= max_note_desc && note.desc.size() <= note.desc_size);
  for (const std::string* text : {&notes.guest_os, &notes.guest_version, &notes.loader, &notes.xen_version})
    require(text->find('\0') == std::string::npos);
  require((notes.features.required & ~notes.features.supported) == 0);
}

std::size_t count(Bytes table) {
  NoteTable walk(table);
  std::size_t found = 0;
  for (;;) {
    const auto note = walk.next();
    if (!note || !*note)
      return found;
    const auto* const begin = (*note)->desc.data();
    require((*note)->desc.empty() ||
            (begin >= table.data() && begin + (*note)->desc.size() <= table.data() + table.size()));
    ++found;
  }
}

void table_of_notes(Bytes input) {
  const Copy whole(input);
  const Copy half(input.first(input.size() / 2));
  require(count(half.bytes()) <= count(whole.bytes()));
  XenNotes notes;
  const auto found = add_notes(notes, whole.bytes());
  require(!found || *found == notes.all.size());
  check(notes);
}

void guest_section(Bytes input) {
  const Copy copy(input);
  XenNotes notes;
  read_guest_section(notes, copy.bytes());
  require(notes.all.empty() && notes.guest_section.size() <= input.size());
  check(notes);
}

void bsd_symbols(Script script, Bytes file) {
  std::vector<SectionHeader> sections(script.byte() % 8);
  for (SectionHeader& section : sections) {
    section.type = script.byte() % 5;
    section.offset = script.flag() ? script.number<std::uint64_t>() : script.byte();
    section.size = script.flag() ? script.number<std::uint64_t>() : script.byte();
    section.link = script.byte() % 10;
  }
  const GuestVirt end{script.number<std::uint64_t>()};
  const auto placed = place_bsd_symbols(sections, end);
  if (!placed || !*placed)
    return;
  const BsdSymbols& symbols = **placed;
  require(symbols.start.value % 8 == 0 && symbols.start.value - end.value < 8 && symbols.size % 8 == 0);
  if (symbols.size > (1 << 20))
    return;
  // By then the kernel's file has passed for one; the rest of its header may say anything.
  constexpr std::uint8_t identity[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  constexpr std::size_t machine_at = 18, header_size = 64;
  constexpr std::byte x86_64{62};
  std::vector<std::byte> kernel(file.begin(), file.end());
  if (kernel.size() >= header_size) {
    std::memcpy(kernel.data(), identity, sizeof identity);
    kernel[machine_at] = x86_64, kernel[machine_at + 1] = {};
  }
  const Copy copy(kernel);
  std::vector<std::byte> out(symbols.size);
  if (!symbols.write(copy.bytes(), out))
    return;
  // What stands behind the u32 is an ELF file that names the same bytes, as far as the kernel's header is one.
  if (!read_elf_header(copy.bytes()))
    return;
  const Bytes elf = Bytes(out).subspan(4);
  const auto header = read_elf_header(elf);
  require(header.has_value());
  const auto read = read_section_headers(*header, elf);
  require(read.has_value() && read->size() == 3);
  for (std::size_t i = 1; i < 3; ++i) {
    const auto there = cut(elf, (*read)[i].offset, (*read)[i].size);
    const SectionHeader& from = i == 1 ? symbols.symbols : symbols.strings;
    require(there && std::ranges::equal(*there, *cut(kernel, from.offset, from.size)));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::span input(data + 1, size - 1);
  switch (data[0] % 3) {
  case 0: table_of_notes(std::as_bytes(input)); break;
  case 1: guest_section(std::as_bytes(input)); break;
  default: bsd_symbols(Script(input), std::as_bytes(input)); break;
  }
  return 0;
}
