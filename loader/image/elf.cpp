#include "loader/image/elf.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"

#include <cstddef>

namespace pvboot::image {

namespace {

struct RawHeader {
  std::uint8_t ident[16];
  le16 type;
  le16 machine;
  le32 version;
  le64 entry;
  le64 phoff;
  le64 shoff;
  le32 flags;
  le16 ehsize;
  le16 phentsize;
  le16 phnum;
  le16 shentsize;
  le16 shnum;
  le16 shstrndx;
};
static_assert(sizeof(RawHeader) == elf_header_size);
static_assert(offsetof(RawHeader, entry) == 24 && offsetof(RawHeader, phentsize) == 54);

struct RawProgramHeader {
  le32 type;
  le32 flags;
  le64 offset;
  le64 vaddr;
  le64 paddr;
  le64 filesz;
  le64 memsz;
  le64 align;
};
static_assert(sizeof(RawProgramHeader) == 56);

struct RawSectionHeader {
  le32 name;
  le32 type;
  le64 flags;
  le64 addr;
  le64 offset;
  le64 size;
  le32 link;
  le32 info;
  le64 addralign;
  le64 entsize;
};
static_assert(sizeof(RawSectionHeader) == 64);

constexpr std::uint16_t machine_x86_64 = 62;
constexpr std::uint8_t class_32 = 1;
constexpr std::uint8_t class_64 = 2;
constexpr std::uint8_t little_endian = 1;
constexpr std::size_t class_byte = 4;

std::uint64_t table_end(std::uint64_t offset, std::uint64_t count, std::size_t entry) {
  return count == 0 ? 0 : offset + count * entry;
}

/// A table of `count` entries of `size` bytes at `offset` has to end before the last possible byte of a file.
bool table_wraps(std::uint64_t offset, std::uint64_t count, std::size_t size) {
  return !checked_add<std::uint64_t>(offset, count * size);
}

Result<void> check_identity(const RawHeader& raw) {
  constexpr std::size_t data_byte = 5;
  if (raw.ident[class_byte] == class_32)
    return fail(Code::unsupported, "a 32-bit kernel: only 64-bit kernels can be started");
  if (raw.ident[class_byte] != class_64)
    return fail(Code::corrupt, "an ELF header of no known class");
  if (raw.ident[data_byte] != little_endian)
    return fail(Code::unsupported, "a big-endian kernel: not for x86-64");
  if (raw.machine.get() != machine_x86_64)
    return fail(Code::unsupported, "a kernel for another kind of machine, not x86-64",
                "ELF machine " + dec(raw.machine.get()));
  return {};
}

/// The table of sections that is there. A count of 0 says that the first section has the real one, above 65,279.
Result<void> check_sections(const ElfHeader& header, const RawHeader& raw) {
  if (header.section_header_count == 0 || header.section_header_count > max_section_headers)
    return fail(Code::too_large, "an ELF file with more sections than a kernel has");
  if (raw.shentsize.get() != sizeof(RawSectionHeader))
    return fail(Code::corrupt, "an ELF section header of an impossible size");
  if (table_wraps(header.section_headers, header.section_header_count, sizeof(RawSectionHeader)))
    return fail(Code::corrupt, "an ELF header table past the end of any file");
  return {};
}

} // namespace

std::uint64_t ElfHeader::program_headers_end() const {
  return table_end(program_headers, program_header_count, sizeof(RawProgramHeader));
}
std::uint64_t ElfHeader::section_headers_end() const {
  return table_end(section_headers, section_header_count, sizeof(RawSectionHeader));
}

bool is_elf(Bytes head) {
  return as_text(head).starts_with("\x7f"
                                   "ELF");
}

bool is_elf_32(Bytes head) {
  return is_elf(head) && head.size() > class_byte && head[class_byte] == std::byte{class_32};
}

Result<ElfHeader> read_elf_header(Bytes head) {
  if (!is_elf(head))
    return fail(Code::unsupported, "not an ELF file");
  const auto raw = TRY(read_as<RawHeader>(head));
  TRY(check_identity(raw));

  ElfHeader header;
  header.type = raw.type.get();
  header.entry = raw.entry.get();
  header.program_headers = raw.phoff.get();
  header.program_header_count = raw.phnum.get();
  header.section_headers = raw.shoff.get();
  header.section_header_count = raw.shnum.get();
  header.section_names = raw.shstrndx.get();

  if (header.program_headers == 0)
    header.program_header_count = 0;
  if (header.program_header_count > max_program_headers)
    return fail(Code::too_large, "an ELF file with more program headers than a kernel has");
  if (header.program_header_count != 0 && raw.phentsize.get() != sizeof(RawProgramHeader))
    return fail(Code::corrupt, "an ELF program header of an impossible size");
  if (table_wraps(header.program_headers, header.program_header_count, sizeof(RawProgramHeader)))
    return fail(Code::corrupt, "an ELF header table past the end of any file");
  if (header.section_headers == 0) {
    header.section_header_count = 0;
  } else if (const auto readable = check_sections(header, raw); !readable) {
    header.section_header_count = 0;
    header.sections_unreadable = readable.error();
  }
  return header;
}

Result<std::vector<ProgramHeader>> read_program_headers(const ElfHeader& header, Bytes prefix) {
  const std::uint64_t size = std::uint64_t{header.program_header_count} * sizeof(RawProgramHeader);
  const Bytes table = TRY(cut(prefix, size == 0 ? 0 : header.program_headers, size));
  std::vector<ProgramHeader> headers;
  headers.reserve(header.program_header_count);
  for (std::size_t at = 0; at < table.size(); at += sizeof(RawProgramHeader)) {
    const auto raw = TRY(read_as<RawProgramHeader>(table, at));
    headers.push_back({.type = raw.type.get(),
                       .flags = raw.flags.get(),
                       .offset = raw.offset.get(),
                       .vaddr = raw.vaddr.get(),
                       .paddr = raw.paddr.get(),
                       .file_size = raw.filesz.get(),
                       .memory_size = raw.memsz.get(),
                       .align = raw.align.get()});
  }
  return headers;
}

Result<std::vector<SectionHeader>> read_section_headers(const ElfHeader& header, Bytes prefix) {
  const std::uint64_t size = std::uint64_t{header.section_header_count} * sizeof(RawSectionHeader);
  const Bytes table = TRY(cut(prefix, size == 0 ? 0 : header.section_headers, size));
  std::vector<SectionHeader> headers;
  headers.reserve(header.section_header_count);
  for (std::size_t at = 0; at < table.size(); at += sizeof(RawSectionHeader)) {
    const auto raw = TRY(read_as<RawSectionHeader>(table, at));
    headers.push_back({.name = raw.name.get(),
                       .type = raw.type.get(),
                       .flags = raw.flags.get(),
                       .address = raw.addr.get(),
                       .offset = raw.offset.get(),
                       .size = raw.size.get(),
                       .link = raw.link.get(),
                       .info = raw.info.get(),
                       .align = raw.addralign.get(),
                       .entry_size = raw.entsize.get()});
  }
  return headers;
}

std::string_view section_name(const ElfHeader& header, const std::vector<SectionHeader>& sections,
                              const SectionHeader& section, Bytes prefix) {
  if (header.section_names >= sections.size())
    return {};
  const SectionHeader& names = sections[header.section_names];
  const auto table = cut(prefix, names.offset, names.size);
  if (!table || section.name >= table->size())
    return {};
  const std::string_view rest = as_text(*table).substr(section.name, max_section_name + 1);
  const auto end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

} // namespace pvboot::image
