#include "elf_judge.hpp"

#include "base/text.hpp"
#include "loader/image/elf.hpp"
#include "loader/image/note_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <gelf.h>
#include <libelf.h>
#include <memory>
#include <optional>
#include <vector>

namespace pvboot::test {

namespace {

using image::ProgramHeader;
using image::SectionHeader;

constexpr const char* no_table = "no table of sections";
// Whoever cuts a table off behind the last descriptor has taken nothing that says anything; Xen reads it too.
constexpr const char* unpadded = "last note without its padding";

std::uint64_t field(Bytes file, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | (at + i < file.size() ? std::to_integer<std::uint64_t>(file[at + i]) : 0);
  return value;
}
std::uint64_t section_table(Bytes file) { return field(file, 40, 8); }
std::uint64_t section_count(Bytes file) { return field(file, 60, 2); }
std::uint64_t segment_table(Bytes file) { return field(file, 32, 8); }

using Handle = std::unique_ptr<::Elf, decltype(&elf_end)>;

struct NoteFacts {
  std::uint32_t type = 0;
  std::string owner;
  std::size_t offset = 0; ///< of the descriptor in the file
  std::size_t size = 0;
  bool operator==(const NoteFacts&) const = default;
};

/// One reader's view. A step that it refuses is empty, and so are those behind it.
struct View {
  std::optional<image::ElfHeader> header;
  std::optional<std::vector<ProgramHeader>> segments;
  std::optional<std::vector<SectionHeader>> sections;
  std::vector<std::string> names;                           ///< of the sections
  std::vector<std::optional<std::vector<NoteFacts>>> notes; ///< of each PT_NOTE; a damaged table is empty
  std::vector<std::uint64_t> note_bytes;                    ///< ours: of each PT_NOTE
  std::array<std::string, steps> reasons{};                 ///< ours, by Step

  std::string& reason(Step step) { return reasons[static_cast<std::size_t>(step)]; }
};

std::optional<std::vector<ProgramHeader>> their_segments(::Elf* elf) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0)
    return std::nullopt;
  std::vector<ProgramHeader> all;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr p;
    if (gelf_getphdr(elf, static_cast<int>(i), &p) == nullptr)
      return std::nullopt;
    all.push_back({p.p_type, p.p_flags, p.p_offset, p.p_vaddr, p.p_paddr, p.p_filesz, p.p_memsz, p.p_align});
  }
  return all;
}

std::optional<std::vector<SectionHeader>> their_sections(::Elf* elf, std::vector<std::string>& names) {
  std::size_t count = 0;
  if (elf_getshdrnum(elf, &count) != 0)
    return std::nullopt;
  std::vector<SectionHeader> all;
  std::size_t strings = 0;
  const bool has_names = elf_getshdrstrndx(elf, &strings) == 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Shdr s;
    if (gelf_getshdr(elf_getscn(elf, i), &s) == nullptr)
      return std::nullopt;
    all.push_back({s.sh_name, s.sh_type, s.sh_flags, s.sh_addr, s.sh_offset, s.sh_size, s.sh_link, s.sh_info,
                   s.sh_addralign, s.sh_entsize});
    const char* name = has_names ? elf_strptr(elf, strings, s.sh_name) : nullptr;
    names.emplace_back(name != nullptr ? name : "");
  }
  return all;
}

std::optional<std::vector<NoteFacts>> their_notes(::Elf* elf, const ProgramHeader& segment) {
  // With p_align 8 libelf pads to 8 bytes; a kernel's notes, and Xen, know only 4.
  Elf_Data* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(segment.offset), segment.file_size, ELF_T_NHDR);
  if (data == nullptr)
    return std::nullopt;
  std::vector<NoteFacts> all;
  GElf_Nhdr header;
  std::size_t name_at = 0;
  std::size_t desc_at = 0;
  std::size_t at = 0;
  while (at < data->d_size) {
    const std::size_t next = gelf_getnote(data, at, &header, &name_at, &desc_at);
    if (next == 0)
      return data->d_size - at < sizeof(header) ? std::optional(all) : std::nullopt;
    std::string owner(static_cast<const char*>(data->d_buf) + name_at, header.n_namesz);
    if (owner.ends_with('\0'))
      owner.pop_back();
    all.push_back({header.n_type, owner, static_cast<std::size_t>(segment.offset) + desc_at, header.n_descsz});
    at = next;
  }
  return all;
}

bool is_note_table(const ProgramHeader& segment, Bytes file) {
  return segment.type == image::segment_note && segment.file_size != 0 && segment.file_size <= image::max_note_bytes &&
         cut(file, segment.offset, segment.file_size).has_value();
}

View theirs_of(Bytes file) {
  elf_version(EV_CURRENT);
  View view;
  // libelf takes memory to change, and changes nothing of it when it only reads.
  const Handle elf(elf_memory(reinterpret_cast<char*>(const_cast<std::byte*>(file.data())), file.size()), elf_end);
  GElf_Ehdr e;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &e) == nullptr)
    return view;
  view.header = image::ElfHeader{.type = e.e_type,
                                 .entry = e.e_entry,
                                 .program_headers = e.e_phoff,
                                 .program_header_count = e.e_phnum,
                                 .section_headers = e.e_shoff,
                                 .section_header_count = e.e_shnum,
                                 .section_names = e.e_shstrndx,
                                 .sections_unreadable = {}};
  view.segments = their_segments(elf.get());
  if (view.segments)
    for (const ProgramHeader& segment : *view.segments)
      if (is_note_table(segment, file))
        view.notes.push_back(their_notes(elf.get(), segment));
  view.sections = their_sections(elf.get(), view.names);
  return view;
}

template <typename T> bool take(std::optional<T>& into, Result<T> from, std::string& reason) {
  if (from)
    into = std::move(*from);
  else
    reason = from.error().message();
  return into.has_value();
}

std::optional<std::vector<NoteFacts>> our_notes(const ProgramHeader& segment, Bytes file) {
  image::NoteTable table(*cut(file, segment.offset, segment.file_size));
  std::vector<NoteFacts> all;
  for (;;) {
    const auto note = table.next();
    if (!note)
      return std::nullopt;
    if (!*note)
      return all;
    all.push_back({(*note)->type, std::string((*note)->owner),
                   static_cast<std::size_t>((*note)->desc.data() - file.data()), (*note)->desc.size()});
  }
}

View ours_of(Bytes file) {
  View view;
  if (!take(view.header, image::read_elf_header(file.first(std::min(file.size(), image::elf_header_size))),
            view.reason(Step::header)))
    return view;
  if (take(view.segments, image::read_program_headers(*view.header, file), view.reason(Step::segments)))
    for (const ProgramHeader& segment : *view.segments)
      if (is_note_table(segment, file)) {
        view.notes.push_back(our_notes(segment, file));
        view.note_bytes.push_back(segment.file_size);
      }
  if (section_table(file) == 0 && section_count(file) != 0) {
    view.reason(Step::sections) = no_table;
    return view;
  }
  if (view.header->sections_unreadable) {
    view.reason(Step::sections) = view.header->sections_unreadable->message();
    return view;
  }
  if (take(view.sections, image::read_section_headers(*view.header, file), view.reason(Step::sections)))
    for (const SectionHeader& section : *view.sections)
      view.names.emplace_back(image::section_name(*view.header, *view.sections, section, file));
  return view;
}

// Why the two may differ. `ours` is the message with which we refuse what libelf reads; without one it is we who read
// what libelf refuses.
struct Explanation {
  const char* name;
  Step step;
  const char* ours;
  bool (*applies)(Bytes file);
};

bool always(Bytes) { return true; }
bool other_version(Bytes file) { return field(file, 6, 1) != EV_CURRENT; }
bool sections_not_all_there(Bytes file) {
  return section_count(file) == 0 || section_table(file) > file.size() ||
         section_count(file) * 64 > file.size() - section_table(file);
}
bool segments_not_all_there(Bytes file) {
  return segment_table(file) > file.size() || field(file, 56, 2) * 56 > file.size() - segment_table(file);
}

constexpr Explanation table[] = {
    // A loader for x86-64 has no use for the others.
    {"32-bit files", Step::header, "a 32-bit kernel: only 64-bit kernels can be started", always},
    {"big-endian files", Step::header, "a big-endian kernel: not for x86-64", always},
    {"other machines", Step::header, "a kernel for another kind of machine, not x86-64", always},
    // Bounds: libelf has none.
    {"many segments", Step::header, "an ELF file with more program headers than a kernel has", always},
    {"many sections", Step::sections, "an ELF file with more sections than a kernel has", always},
    // libelf goes by the size that the format has, whatever the header says.
    {"segment headers of another size", Step::header, "an ELF program header of an impossible size", always},
    {"section headers of another size", Step::sections, "an ELF section header of an impossible size", always},
    // libelf counts as many headers as there are bytes for, perhaps none; a part of a table is a damaged file.
    {"segment headers that wrap", Step::header, "an ELF header table past the end of any file", segments_not_all_there},
    {"section headers that wrap", Step::sections, "an ELF header table past the end of any file",
     sections_not_all_there},
    // The ABI says that there is no table at offset 0; libelf counts, and reads the ELF header for one.
    {"sections at offset 0", Step::sections, no_table, always},
    {"segment headers cut", Step::segments, "a field reaches past the end of its container", segments_not_all_there},
    {"section headers cut", Step::sections, "a field reaches past the end of its container", sections_not_all_there},
    // Where there are no segments nothing is read, wherever their table would be.
    {"no segments in no place", Step::segments, nullptr,
     [](Bytes file) { return field(file, 56, 2) == 0 && segment_table(file) >= file.size(); }},
    // There is no other version than 1, and nothing goes by the byte; Xen does not look at it either.
    {"ELF version", Step::header, nullptr, other_version},
    // A count of 0 sends libelf to the first section, and that must have one; notes in a segment do without.
    {"section count elsewhere", Step::header, nullptr,
     [](Bytes file) { return section_count(file) == 0 && section_table(file) != 0; }},
};

const Explanation* explain(Step step, bool we_refuse, const std::string& reason, Bytes file) {
  for (const Explanation& one : table)
    if (one.step == step && (one.ours != nullptr) == we_refuse && (!we_refuse || reason == one.ours) &&
        one.applies(file))
      return &one;
  return nullptr;
}

void check_same_sections(const View& ours, const View& theirs) {
  REQUIRE(ours.sections->size() == theirs.sections->size());
  for (std::size_t i = 0; i < ours.sections->size(); ++i) {
    const SectionHeader& a = (*ours.sections)[i];
    const SectionHeader& b = (*theirs.sections)[i];
    CHECK(std::tie(a.name, a.type, a.flags, a.address, a.offset, a.size, a.link, a.info, a.align, a.entry_size) ==
          std::tie(b.name, b.type, b.flags, b.address, b.offset, b.size, b.link, b.info, b.align, b.entry_size));
    // libelf wants the names' section to be a string table; ours reads the bytes that are there.
    if (!theirs.names[i].empty() && theirs.names[i].size() <= image::max_section_name)
      CHECK(ours.names[i] == theirs.names[i]);
  }
}

std::string text_of(const std::optional<std::vector<NoteFacts>>& notes) {
  if (!notes)
    return "damaged";
  std::string text;
  for (const NoteFacts& note : *notes)
    text += hex(note.type) + " '" + printable(note.owner) + "' " + dec(note.size) + " at " + hex(note.offset) + "; ";
  return text;
}

void check_same_segments(const View& ours, const View& theirs, std::set<std::string>& explained) {
  REQUIRE(ours.segments->size() == theirs.segments->size());
  for (std::size_t i = 0; i < ours.segments->size(); ++i) {
    const ProgramHeader& a = (*ours.segments)[i];
    const ProgramHeader& b = (*theirs.segments)[i];
    CHECK(std::tie(a.type, a.flags, a.offset, a.vaddr, a.paddr, a.file_size, a.memory_size, a.align) ==
          std::tie(b.type, b.flags, b.offset, b.vaddr, b.paddr, b.file_size, b.memory_size, b.align));
  }
  REQUIRE(ours.notes.size() == theirs.notes.size());
  for (std::size_t i = 0; i < ours.notes.size(); ++i) {
    if (ours.notes[i] && !theirs.notes[i] && ours.note_bytes[i] % 4 != 0) {
      explained.insert(unpadded);
      continue;
    }
    INFO("table of notes " << i << ", ours: " << text_of(ours.notes[i]) << "; libelf's: " << text_of(theirs.notes[i]));
    CHECK((ours.notes[i] == theirs.notes[i]));
  }
}

} // namespace

Comparison compare_with_libelf(Bytes file) {
  View ours = ours_of(file);
  const View theirs = theirs_of(file);
  Comparison result;
  // True when both read the step; a difference is explained here.
  const auto both = [&](Step step, bool we_do, bool they_do) {
    if (we_do != they_do) {
      const Explanation* why = explain(step, !we_do, ours.reason(step), file);
      std::string head;
      for (std::size_t i = 0; i < std::min<std::size_t>(file.size(), 64); ++i)
        head += hex(std::to_integer<unsigned>(file[i])).substr(2) + " ";
      INFO("header " << head << "of " << file.size() << " bytes");
      INFO("step " << static_cast<int>(step) << ": ours " << (we_do ? "reads it" : ours.reason(step)) << ", libelf "
                   << (they_do ? "reads it" : elf_errmsg(-1)));
      CHECK(why != nullptr);
      if (why != nullptr)
        result.explained.insert(why->name);
    }
    return result.both[static_cast<std::size_t>(step)] = we_do && they_do;
  };
  if (!both(Step::header, ours.header.has_value(), theirs.header.has_value()))
    return result;
  CHECK(ours.header->type == theirs.header->type);
  CHECK(ours.header->entry == theirs.header->entry);
  if (both(Step::segments, ours.segments.has_value(), theirs.segments.has_value()))
    check_same_segments(ours, theirs, result.explained);
  if (both(Step::sections, ours.sections.has_value(), theirs.sections.has_value()))
    check_same_sections(ours, theirs);
  result.both[static_cast<std::size_t>(Step::notes)] = !ours.notes.empty() && ours.notes[0].has_value();
  return result;
}

std::set<std::string> explanations() {
  std::set<std::string> names{unpadded};
  for (const Explanation& one : table)
    names.insert(one.name);
  return names;
}

} // namespace pvboot::test
