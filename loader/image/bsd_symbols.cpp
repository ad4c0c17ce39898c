#include "loader/image/bsd_symbols.hpp"

#include "base/checked.hpp"

#include <algorithm>

namespace pvboot::image {

namespace {

constexpr std::uint32_t type_symbols = 2; ///< SHT_SYMTAB
constexpr std::uint32_t type_strings = 3; ///< SHT_STRTAB
constexpr std::uint64_t unit = 8;
constexpr std::uint64_t size_word = 4;
constexpr std::uint64_t header_size = 64;
constexpr std::uint64_t section_size = 64;
constexpr std::uint64_t section_count = 3;
constexpr std::uint64_t headers_end = size_word + header_size + section_count * section_size;
constexpr std::uint64_t symbols_at = align_up<std::uint64_t>(headers_end, unit); ///< from the u32, as strings_at()
constexpr std::uint64_t largest_table = 256_MiB;

std::uint64_t strings_at(const BsdSymbols& placed) {
  return symbols_at + align_up<std::uint64_t>(placed.symbols.size, unit);
}

template <typename T> void put(MutBytes out, std::uint64_t at, T field) {
  static_assert(alignof(T) == 1);
  std::memcpy(out.data() + at, &field, sizeof(field));
}

/// The kernel's own section header, but for where it now is and what it now belongs to.
void put_section(MutBytes elf, std::uint64_t index, const SectionHeader& from, std::uint64_t offset,
                 std::uint32_t link) {
  const std::uint64_t at = header_size + index * section_size;
  put(elf, at, le32(from.name));
  put(elf, at + 4, le32(from.type));
  put(elf, at + 8, le64(from.flags));
  put(elf, at + 16, le64(from.address));
  put(elf, at + 24, le64(offset));
  put(elf, at + 32, le64(from.size));
  put(elf, at + 40, le32(link));
  put(elf, at + 44, le32(from.info));
  put(elf, at + 48, le64(from.align));
  put(elf, at + 56, le64(from.entry_size));
}

/// The kernel's own, whatever system it names as its own, but for the tables.
void put_header(MutBytes elf, Bytes kernel) {
  std::ranges::copy(kernel, elf.begin());
  put(elf, 20, le32(1));           // e_version
  put(elf, 32, le64(0));           // e_phoff
  put(elf, 40, le64(header_size)); // e_shoff: the section headers follow at once
  put(elf, 52, le16(header_size)); // e_ehsize
  put(elf, 54, le16(0));           // e_phentsize
  put(elf, 56, le16(0));           // e_phnum
  put(elf, 58, le16(section_size));
  put(elf, 60, le16(section_count));
  put(elf, 62, le16(0)); // e_shstrndx
}

} // namespace

Result<std::optional<BsdSymbols>> place_bsd_symbols(const std::vector<SectionHeader>& sections, GuestVirt kernel_end) {
  const auto symbols = std::ranges::find(sections, type_symbols, &SectionHeader::type);
  if (symbols == sections.end() || symbols->link >= sections.size() || sections[symbols->link].type != type_strings)
    return std::nullopt;
  BsdSymbols placed;
  placed.symbols = *symbols;
  placed.strings = sections[symbols->link];
  if (placed.symbols.size > largest_table || placed.strings.size > largest_table)
    return fail(Code::too_large, "the kernel's symbol table is absurdly large");
  const auto start = checked_align_up<std::uint64_t>(kernel_end.value, unit);
  if (!start)
    return fail(Code::corrupt, "the kernel reaches the end of the address space");
  placed.start = {*start};
  placed.size = strings_at(placed) + align_up<std::uint64_t>(placed.strings.size, unit);
  return placed;
}

Result<void> BsdSymbols::write(Bytes file, MutBytes out) const {
  if (out.size() != size)
    return fail(Code::invalid, "the room for the symbol table has another size");
  const Bytes header = TRY(cut(file, 0, header_size));
  const auto symbol_bytes = cut(file, symbols.offset, symbols.size);
  const auto string_bytes = cut(file, strings.offset, strings.size);
  if (!symbol_bytes || !string_bytes)
    return fail(Code::corrupt, "the kernel's symbol table reaches past the end of the file");
  std::ranges::fill(out, std::byte{0});
  const std::uint64_t second = strings_at(*this);
  put(out, 0, le32(static_cast<std::uint32_t>(second + strings.size - size_word)));
  const MutBytes elf = out.subspan(size_word);
  put_header(elf, header);
  put_section(elf, 1, symbols, symbols_at - size_word, 2);
  put_section(elf, 2, strings, second - size_word, strings.link);
  std::ranges::copy(*symbol_bytes, out.begin() + symbols_at);
  std::ranges::copy(*string_bytes, out.begin() + static_cast<std::ptrdiff_t>(second));
  return {};
}

} // namespace pvboot::image
