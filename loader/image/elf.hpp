// A 64-bit ELF file for x86: its header, its program headers and its section headers.
//
// [System V gABI, chapter 4 and 5] Read from a prefix of the file, because a kernel is looked at while it streams
// past: each function says how many bytes it needs, and nothing is read beyond them. Tables may lie anywhere in the
// file, in any order. A table of sections that cannot be read is no failure here: a kernel whose notes are in a segment
// starts without it.
//
// Fails with Code::corrupt (fields that contradict each other), Code::unsupported (another class, byte order or
// machine) or Code::too_large (more headers than a kernel has reason for).
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pvboot::image {

constexpr std::size_t elf_header_size = 64;
constexpr std::size_t max_program_headers = 512;
constexpr std::size_t max_section_headers = 4096;
constexpr std::size_t max_section_name = 256; ///< bytes; a longer one is taken for none

constexpr std::uint32_t segment_load = 1; ///< PT_LOAD
constexpr std::uint32_t segment_note = 4; ///< PT_NOTE

struct ElfHeader {
  std::uint16_t type = 0;
  std::uint64_t entry = 0;
  std::uint64_t program_headers = 0; ///< file offset
  std::uint16_t program_header_count = 0;
  std::uint64_t section_headers = 0; ///< file offset
  std::uint16_t section_header_count = 0;
  std::uint16_t section_names = 0; ///< index of the string table

  /// Why the sections cannot be read, where the file has some that cannot; the count is 0 then.
  std::optional<Error> sections_unreadable;

  std::uint64_t program_headers_end() const; ///< the first byte after the table; 0 without one
  std::uint64_t section_headers_end() const;
};

struct ProgramHeader {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t vaddr = 0;
  std::uint64_t paddr = 0;
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t align = 0;
};

struct SectionHeader {
  std::uint32_t name = 0; ///< offset in the string table
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  std::uint64_t align = 0;
  std::uint64_t entry_size = 0;
};

bool is_elf(Bytes head);

/// Whether it is an ELF file of the 32-bit class, which read_elf_header() refuses.
bool is_elf_32(Bytes head);

/// From the first elf_header_size bytes.
Result<ElfHeader> read_elf_header(Bytes head);

/// `prefix` holds program_headers_end() bytes or more.
Result<std::vector<ProgramHeader>> read_program_headers(const ElfHeader& header, Bytes prefix);

/// `prefix` holds section_headers_end() bytes or more.
Result<std::vector<SectionHeader>> read_section_headers(const ElfHeader& header, Bytes prefix);

/// The section's name; empty when it cannot be read from `prefix`. The view points into `prefix`.
std::string_view section_name(const ElfHeader& header, const std::vector<SectionHeader>& sections,
                              const SectionHeader& section, Bytes prefix);

} // namespace pvboot::image
