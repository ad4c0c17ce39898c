#include "elf_judge.hpp"

#include "kernels.hpp"

#include <catch2/catch.hpp>
#include <gelf.h>
#include <libelf.h>
#include <memory>
#include <random>

namespace pvboot::test {

namespace {

using Handle = std::unique_ptr<::Elf, decltype(&elf_end)>;

bool read_tables(::Elf* elf, Judgement& judgement) {
  std::size_t segments = 0;
  std::size_t sections = 0;
  if (elf_getphdrnum(elf, &segments) != 0 || elf_getshdrnum(elf, &sections) != 0)
    return false;
  for (std::size_t i = 0; i < segments; ++i) {
    GElf_Phdr p;
    if (gelf_getphdr(elf, static_cast<int>(i), &p) == nullptr)
      return false;
    judgement.segments.push_back(
        {p.p_type, p.p_flags, p.p_offset, p.p_vaddr, p.p_paddr, p.p_filesz, p.p_memsz, p.p_align});
  }
  std::size_t names = 0;
  const bool has_names = elf_getshdrstrndx(elf, &names) == 0;
  for (std::size_t i = 0; i < sections; ++i) {
    GElf_Shdr s;
    if (gelf_getshdr(elf_getscn(elf, i), &s) == nullptr)
      return false;
    judgement.sections.push_back(
        {s.sh_name, s.sh_type, s.sh_flags, s.sh_addr, s.sh_offset, s.sh_size, s.sh_link, s.sh_addralign});
    const char* name = has_names ? elf_strptr(elf, names, s.sh_name) : nullptr;
    judgement.section_names.emplace_back(name != nullptr ? name : "");
  }
  return true;
}

} // namespace

std::optional<Judgement> judge(Bytes file) {
  elf_version(EV_CURRENT);
  Octets copy(file.begin(), file.end());
  const Handle elf(elf_memory(reinterpret_cast<char*>(copy.data()), copy.size()), elf_end);
  GElf_Ehdr e;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &e) == nullptr ||
      e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != EM_X86_64)
    return std::nullopt;
  Judgement judgement;
  judgement.header.type = e.e_type;
  judgement.header.entry = e.e_entry;
  judgement.header.program_headers = e.e_phoff;
  judgement.header.program_header_count = e.e_phnum;
  judgement.header.section_headers = e.e_shoff;
  judgement.header.section_header_count = e.e_shnum;
  judgement.header.section_names = e.e_shstrndx;
  if (!read_tables(elf.get(), judgement))
    return std::nullopt;
  return judgement;
}

bool compare_with_libelf(Bytes file) {
  const auto theirs = judge(file);
  const auto header = image::read_elf_header(file.first(std::min(file.size(), image::elf_header_size)));
  if (!theirs || !header)
    return false;
  CHECK(header->type == theirs->header.type);
  CHECK(header->entry == theirs->header.entry);
  const auto segments = image::read_program_headers(*header, file);
  const auto sections = image::read_section_headers(*header, file);
  if (!segments || !sections)
    return false;
  REQUIRE(segments->size() == theirs->segments.size());
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const image::ProgramHeader& a = (*segments)[i];
    const image::ProgramHeader& b = theirs->segments[i];
    CHECK(std::tie(a.type, a.flags, a.offset, a.vaddr, a.paddr, a.file_size, a.memory_size, a.align) ==
          std::tie(b.type, b.flags, b.offset, b.vaddr, b.paddr, b.file_size, b.memory_size, b.align));
  }
  REQUIRE(sections->size() == theirs->sections.size());
  for (std::size_t i = 0; i < sections->size(); ++i) {
    const image::SectionHeader& a = (*sections)[i];
    const image::SectionHeader& b = theirs->sections[i];
    CHECK(std::tie(a.name, a.type, a.flags, a.address, a.offset, a.size, a.link, a.align) ==
          std::tie(b.name, b.type, b.flags, b.address, b.offset, b.size, b.link, b.align));
    // libelf wants the names' section to be a string table; ours reads the bytes that are there.
    if (!theirs->section_names[i].empty())
      CHECK(image::section_name(*header, *sections, a, file) == theirs->section_names[i]);
  }
  return true;
}

} // namespace pvboot::test

using namespace pvboot;
using namespace pvboot::test;

namespace {

unsigned below(std::mt19937& random, std::size_t limit) { return static_cast<unsigned>(random() % limit); }

/// Kernels of all shapes: segments and sections in any number, tables in either place.
pvboot::test::Elf random_elf(std::mt19937& random) {
  pvboot::test::Elf elf = linux_elf();
  elf.entry = random();
  elf.tables_last = below(random, 2) == 0;
  for (unsigned i = below(random, 6); i > 0; --i)
    elf.segments.push_back({.type = below(random, 8),
                            .flags = below(random, 16),
                            .paddr = std::uint64_t{random()} << below(random, 32),
                            .bytes = Octets(below(random, 200), std::byte{7}),
                            .memory_size = below(random, 10'000),
                            .vaddr = random()});
  for (unsigned i = below(random, 6); i > 0; --i)
    elf.sections.push_back({.name = ".s" + std::to_string(below(random, 100)),
                            .type = 1 + below(random, 12),
                            .bytes = Octets(below(random, 100), std::byte{9}),
                            .link = below(random, 5)});
  return elf;
}

} // namespace

TEST_CASE("headers are read as libelf reads them: generated files") {
  std::mt19937 random(42);
  unsigned accepted = 0;
  for (unsigned round = 0; round < 500; ++round) {
    CAPTURE(round);
    accepted += compare_with_libelf(random_elf(random).build()) ? 1 : 0;
  }
  CHECK(accepted == 500);
}

TEST_CASE("headers are read as libelf reads them: mutated files") {
  std::mt19937 random(43);
  unsigned accepted = 0;
  for (unsigned round = 0; round < 5000; ++round) {
    CAPTURE(round);
    Octets file = random_elf(random).build();
    // Mostly in the headers, where it matters.
    for (unsigned i = 1 + below(random, 4); i > 0; --i)
      file[random() % (below(random, 2) == 0 ? std::min<std::size_t>(file.size(), 400) : file.size())] =
          static_cast<std::byte>(random());
    if (below(random, 8) == 0)
      file.resize(below(random, file.size()));
    accepted += compare_with_libelf(file) ? 1 : 0;
    for (const bool complete : {false, true})
      if (const auto info = image::read_kernel_info(file, complete); info && *info)
        static_cast<void>(image::bootable_pv(**info));
  }
  CHECK(accepted > 1000);
}
