#include "kernels.hpp"
#include "loader/plan/target_of.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <xen/elfnote.h>

using namespace pvboot;
using namespace pvboot::image;
using namespace pvboot::test;

namespace {

KernelInfo info_of(const Elf& elf) {
  const auto info = read_kernel_info(elf.build(), true);
  INFO((info ? std::string() : info.error().text()));
  REQUIRE(info);
  REQUIRE(*info);
  return **info;
}

/// The first length of prefix at which the facts are known; each shorter one has to ask for more.
std::size_t known_from(const Octets& file) {
  std::size_t known = 0;
  for (std::size_t length = 0; length <= file.size(); ++length) {
    const auto info = read_kernel_info(Bytes(file).first(length), false);
    REQUIRE(info);
    if (*info && known == 0)
      known = length;
    REQUIRE((*info).has_value() == (known != 0));
  }
  return known;
}

} // namespace

TEST_CASE("a kernel with all notes") {
  const KernelInfo info = info_of(linux_elf());
  CHECK(info.notes.source == NoteSource::program_header);
  CHECK(info.entry == GuestVirt{linux_base + linux_text + 0x10});
  CHECK(info.virt_base == GuestVirt{linux_base});
  CHECK(info.paddr_offset == 0);
  CHECK_FALSE(info.hypercall_page);
  CHECK(info.init_p2m == GuestVirt{0x80'0000'0000});
  CHECK(info.mod_start_pfn);
  REQUIRE(info.loads.size() == 2);
  CHECK(info.loads[1].target == linux_text + 0x4000);
  CHECK(info.loads[1].file_size == 4);
  CHECK(info.loads[1].memory_size == 0x5000);
  CHECK(info.kernel_start == GuestVirt{linux_base + linux_text});
  CHECK(info.kernel_end == GuestVirt{linux_base + linux_text + 0x9000});
  CHECK(bootable_pv(info));
}

TEST_CASE("what notes leave out has its default") {
  Elf elf = with_notes(linux_elf(), linux_notes({XEN_ELFNOTE_VIRT_BASE, XEN_ELFNOTE_ENTRY, XEN_ELFNOTE_INIT_P2M,
                                                 XEN_ELFNOTE_MOD_START_PFN}));
  const KernelInfo info = info_of(elf);
  CHECK(info.entry == GuestVirt{linux_text});
  CHECK(info.virt_base == GuestVirt{0});
  CHECK_FALSE(info.init_p2m);
  CHECK_FALSE(info.mod_start_pfn);
  CHECK(bootable_pv(info));
}

TEST_CASE("PADDR_OFFSET moves segments: they are placed by p_paddr, never by p_vaddr") {
  std::vector<Octets> notes = linux_notes();
  notes.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, 0xc0000000));
  Elf elf = with_notes(linux_elf(), notes);
  for (Segment& segment : elf.segments)
    segment.paddr += 0xc0000000;
  const KernelInfo info = info_of(elf);
  CHECK(info.loads[0].target == linux_text);
  CHECK(info.kernel_start == GuestVirt{linux_base + linux_text});
  CHECK(bootable_pv(info));
}

TEST_CASE("segments without R, W and X, and such that take no memory, are skipped") {
  Elf elf = linux_elf();
  elf.segments.push_back({.flags = 0, .paddr = 0, .bytes = octets("skipped")});
  elf.segments.push_back({.flags = 0x8, .paddr = 0, .bytes = octets("skipped")});
  elf.segments.push_back({.flags = 7, .paddr = 0x10, .bytes = {}});
  elf.segments.push_back({.type = 0x6474e551, .flags = 7, .paddr = 0x20, .bytes = octets("stack")});
  CHECK(info_of(elf).loads.size() == 2);
}

TEST_CASE("INIT_P2M is ignored unless page-aligned and below VIRT_BASE") {
  for (const std::uint64_t value : {std::uint64_t{0x8000000800}, linux_base, linux_base + 0x40000000}) {
    std::vector<Octets> notes = linux_notes({XEN_ELFNOTE_INIT_P2M});
    notes.push_back(note(XEN_ELFNOTE_INIT_P2M, value));
    const KernelInfo info = info_of(with_notes(linux_elf(), notes));
    CHECK_FALSE(info.init_p2m);
    CHECK(info.notes.init_p2m == GuestVirt{value});
    CHECK(bootable_pv(info));
  }
}

TEST_CASE("sections that make no sense stop nobody whose notes are in a segment") {
  Elf elf = linux_elf();
  elf.sections = {{.name = ".text", .bytes = octets("x")}};
  const Octets file = elf.build();
  constexpr std::size_t table_at = 40;
  constexpr std::size_t entry_size_at = 58;
  constexpr std::size_t count_at = 60;
  for (const Octets& odd :
       {patched(file, table_at, ~std::uint64_t{0} - 8, 8), patched(file, table_at, 1 << 30, 8),
        patched(file, entry_size_at, 40, 2), patched(file, count_at, 0, 2), patched(file, count_at, 0xfeff, 2)}) {
    const auto info = read_kernel_info(odd, true);
    REQUIRE(info);
    CHECK(bootable_pv(**info));
  }
}

TEST_CASE("notes in a section serve when no segment has any") {
  Elf elf = linux_elf();
  elf.segments.pop_back();
  elf.sections = {{.name = ".text", .bytes = octets("x")},
                  {.name = ".note.gnu", .type = 7, .bytes = note(3, Bytes(octets("id")), "GNU")},
                  {.name = ".notes", .type = 7, .bytes = joined(linux_notes())}};
  const KernelInfo info = info_of(elf);
  CHECK(info.notes.source == NoteSource::section);
  CHECK(bootable_pv(info));
}

TEST_CASE("the tables of notes are bounded together: many headers may name the same bytes") {
  Elf elf = linux_elf();
  elf.segments[2].bytes = Octets(300'000); // 25,000 notes of nobody
  CHECK(info_of(elf).notes.source == NoteSource::none);
  elf.segments.insert(elf.segments.end(), 3, Segment(elf.segments[2]));
  const auto info = read_kernel_info(elf.build(), true);
  REQUIRE_FALSE(info);
  CHECK(info.error().code() == Code::too_large);
}

TEST_CASE("a section's name that is too long is none") {
  Elf elf = linux_elf();
  elf.sections = {{.name = std::string(max_section_name, 'n')}, {.name = std::string(max_section_name + 1, 'n')}};
  const Octets file = elf.build();
  const ElfHeader header = read_elf_header(file).value();
  const auto sections = read_section_headers(header, file).value();
  CHECK(section_name(header, sections, sections[1], file).size() == max_section_name);
  CHECK(section_name(header, sections, sections[2], file).empty());
}

TEST_CASE("a note segment at offset 0 is skipped") {
  Elf elf = linux_elf();
  elf.sections = {{.name = ".notes", .type = 7, .bytes = joined(linux_notes())}};
  Octets file = elf.build();
  file = patched(std::move(file), 64 + 2 * 56 + 8, 0, 8);
  const auto info = read_kernel_info(file, true).value().value();
  CHECK(info.notes.source == NoteSource::section);
}

TEST_CASE("the legacy section serves when there are no notes; PADDR_OFFSET is then VIRT_BASE") {
  Elf elf = linux_elf();
  elf.segments.pop_back();
  for (Segment& segment : elf.segments)
    segment.paddr += linux_base;
  elf.sections = {{.name = "__xen_guest",
                   .bytes = octets("GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,HYPERCALL_PAGE=0x1001,"
                                   "VIRT_ENTRY=0xffffffff81000000")}};
  const KernelInfo info = info_of(elf);
  CHECK(info.notes.source == NoteSource::guest_section);
  CHECK(info.paddr_offset == linux_base);
  CHECK(info.hypercall_page == GuestVirt{linux_base + 0x1001000});
  CHECK(info.kernel_start == GuestVirt{linux_base + linux_text});
  CHECK(bootable_pv(info));
  CHECK(plan::target_of(info).paddr_offset == linux_base);
}

TEST_CASE("the facts are known once the notes have passed, whatever comes after them") {
  Elf elf = linux_elf();
  std::swap(elf.segments[0], elf.segments[2]); // notes first in the file
  elf.sections = {{.name = ".text", .bytes = octets("x")}};
  const Octets file = elf.build();
  const std::size_t known = known_from(file);
  const std::size_t notes_end = 64 + 3 * 56 + 8 + elf.segments[0].bytes.size();
  CHECK(known >= notes_end - 8);
  CHECK(known <= notes_end + 16);
}

TEST_CASE("segments, notes and tables in any order, with sections and without, are read alike") {
  const KernelInfo expected = info_of(linux_elf());
  const Elf plain = linux_elf();
  std::vector<std::size_t> order{0, 1, 2};
  do
    for (const bool last : {false, true})
      for (const bool sections : {false, true}) {
        Elf elf = plain;
        for (std::size_t i = 0; i < order.size(); ++i)
          elf.segments[i] = plain.segments[order[i]];
        elf.tables_last = last;
        if (sections)
          elf.sections = {{.name = ".text", .bytes = octets("x")}, {.name = ".note", .type = 7, .bytes = Octets(7)}};
        const auto loaded = load(elf.build(), 100);
        REQUIRE(loaded);
        CHECK(loaded->info.kernel_start == expected.kernel_start);
        CHECK(loaded->info.kernel_end == expected.kernel_end);
        CHECK(loaded->info.entry == expected.entry);
        CHECK(loaded->info.loads.size() == expected.loads.size());
      }
  while (std::ranges::next_permutation(order).found);
}

TEST_CASE("notes inside a segment to load, as Linux has them, and in several tables") {
  Elf elf = linux_elf();
  const std::vector<Octets> all = linux_notes();
  const Octets half = joined({all.begin(), all.begin() + 5});
  const Octets other_half = joined({all.begin() + 5, all.end()});
  std::ranges::copy(half, elf.segments[0].bytes.begin() + 0x100);
  elf.segments[2].bytes = half; // for its size
  elf.segments.push_back({.type = 4, .flags = 4, .bytes = note(3, Bytes(octets("id")), "GNU")});
  elf.segments.push_back({.type = 4, .flags = 4, .bytes = other_half});
  Octets file = elf.build();
  const std::uint64_t text_at = read_as<le64>(file, 64 + 8).value().get();
  file = patched(std::move(file), 64 + 2 * 56 + 8, text_at + 0x100, 8);
  const auto info = read_kernel_info(file, true).value().value();
  CHECK(info.notes.all.size() == all.size());
  CHECK(bootable_pv(info));
}

TEST_CASE("tables in any order: program headers at the end are waited for") {
  Elf elf = linux_elf();
  elf.tables_last = true;
  const Octets file = elf.build();
  CHECK(known_from(file) == file.size());
  CHECK(bootable_pv(info_of(elf)));
}

TEST_CASE("a kernel without any notes is told as soon as no section can have them") {
  Elf elf = linux_elf();
  elf.segments.pop_back();
  const Octets file = elf.build();
  CHECK(known_from(file) == 64 + 2 * 56);
}

TEST_CASE("each cut of a complete file before its facts is an error") {
  for (const bool sections : {false, true}) {
    Elf elf = linux_elf();
    if (sections) {
      elf.segments.pop_back();
      elf.sections = {{.name = ".notes", .type = 7, .bytes = joined(linux_notes())}};
    }
    const Octets file = elf.build();
    const std::size_t known = known_from(file);
    for (std::size_t length = 0; length < known; ++length) {
      const auto info = read_kernel_info(Bytes(file).first(length), true);
      REQUIRE_FALSE(info);
      CHECK(info.error().code() == Code::corrupt);
    }
  }
}

TEST_CASE("BSD_SYMTAB puts a small ELF file of the symbols behind the kernel") {
  std::vector<Octets> notes = linux_notes();
  notes.push_back(note(XEN_ELFNOTE_BSD_SYMTAB, "yes"));
  Elf elf = with_notes(linux_elf(), notes);
  elf.segments[1].memory_size = 0x5003;
  elf.sections = {{.name = ".symtab", .type = 2, .bytes = Octets(48, std::byte{0xaa}), .link = 2},
                  {.name = ".strtab", .type = 3, .bytes = octets(std::string_view("\0start\0end\0", 11))}};
  constexpr std::size_t system_at = 7; // EI_OSABI
  const Octets file = patched(elf.build(), system_at, 9, 1);
  const KernelInfo info = info_of(elf);
  REQUIRE(info.bsd_symbols);
  const std::uint64_t end = linux_base + linux_text + 0x9003;
  CHECK(info.bsd_symbols->start == GuestVirt{(end + 7) & ~std::uint64_t{7}});
  CHECK(info.kernel_end == info.bsd_symbols->start + info.bsd_symbols->size);

  Octets out(info.bsd_symbols->size, std::byte{0xee});
  REQUIRE(info.bsd_symbols->write(file, out));
  // Symbols and strings begin at multiples of 8 from the start, not from the ELF header at 4; the size ends with the
  // strings, not with their padding.
  constexpr std::size_t symbols_at = 264;
  constexpr std::size_t strings_at = symbols_at + 48;
  CHECK(out.size() == strings_at + 16);
  CHECK(read_as<le32>(out).value().get() == strings_at + 11 - 4);
  const Bytes small = Bytes(out).subspan(4);
  const ElfHeader header = read_elf_header(small).value();
  const auto sections = read_section_headers(header, small).value();
  REQUIRE(sections.size() == 3);
  CHECK(sections[1].type == 2);
  CHECK(sections[1].link == 2);
  CHECK(sections[2].type == 3);
  CHECK(sections[1].offset == symbols_at - 4);
  CHECK(sections[2].offset == strings_at - 4);
  CHECK(header.type == elf.type);
  CHECK(header.entry == elf.entry);
  CHECK(header.program_header_count == 0);
  CHECK(small[system_at] == std::byte{9});
  const auto original = read_section_headers(read_elf_header(file).value(), file).value();
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    const SectionHeader& from = original[i];
    CHECK(std::tie(sections[i].name, sections[i].info, sections[i].align, sections[i].entry_size) ==
          std::tie(from.name, from.info, from.align, from.entry_size));
  }
  const Bytes symbols = cut(small, sections[1].offset, sections[1].size).value();
  CHECK(std::ranges::equal(symbols, elf.sections[0].bytes));
  const Bytes strings = cut(small, sections[2].offset, sections[2].size).value();
  CHECK(std::ranges::equal(strings, elf.sections[1].bytes));
}

TEST_CASE("BSD symbols: none in the file, or none with strings, none behind the kernel; outside the file is refused") {
  std::vector<Octets> notes = linux_notes();
  notes.push_back(note(XEN_ELFNOTE_BSD_SYMTAB, "yes"));
  Elf elf = with_notes(linux_elf(), notes);
  CHECK_FALSE(info_of(elf).bsd_symbols);
  elf.sections = {{.name = ".symtab", .type = 2, .bytes = Octets(24), .link = 2}, {.name = ".strtab", .type = 3}};
  KernelInfo info = info_of(elf);
  REQUIRE(info.bsd_symbols);
  Octets out(info.bsd_symbols->size);
  CHECK_FALSE(info.bsd_symbols->write(Bytes{}, out));
  elf.sections[0].link = 9;
  CHECK_FALSE(info_of(elf).bsd_symbols);
  elf.sections[0].link = 1; // itself, no string table
  CHECK_FALSE(info_of(elf).bsd_symbols);
  elf.sections[0].link = 2;
  const Octets absurd = patched(elf.build(), elf.build().size() - 3 * 64 + 32, 1 << 30, 8);
  CHECK(read_kernel_info(absurd, true).error().code() == Code::too_large);
}

TEST_CASE("a segment that is not all there is an error once the file is complete") {
  const Octets file = patched(linux_elf().build(), 64 + 8, std::uint64_t{1} << 63, 8);
  CHECK(read_kernel_info(file, false).value());
  const auto info = read_kernel_info(file, true);
  REQUIRE_FALSE(info);
  CHECK(info.error().code() == Code::corrupt);
}
