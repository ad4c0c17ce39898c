#include "kernels.hpp"

#include "base/checked.hpp"
#include "loader/image/file_chunks.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <xen/elfnote.h>

namespace pvboot::test {

namespace {

void append(Octets& to, Bytes bytes) {
  for (const std::byte b : bytes)
    to.push_back(b);
}

template <typename T> void append(Octets& to, T field) {
  static_assert(alignof(T) == 1);
  append(to, Bytes(std::as_bytes(std::span(&field, 1))));
}

void pad(Octets& to, std::size_t unit) { to.resize((to.size() + unit - 1) / unit * unit); }

void append_program_header(Octets& to, const Segment& segment, std::uint64_t offset) {
  append(to, le32(segment.type));
  append(to, le32(segment.flags));
  append(to, le64(offset));
  append(to, le64(segment.vaddr));
  append(to, le64(segment.paddr));
  append(to, le64(segment.bytes.size()));
  append(to, le64(segment.memory_size != 0 ? segment.memory_size : segment.bytes.size()));
  append(to, le64(4096));
}

void append_section_header(Octets& to, std::uint32_t name, const Section& section, std::uint64_t offset) {
  append(to, le32(name));
  append(to, le32(section.type));
  append(to, le64(0));
  append(to, le64(0));
  append(to, le64(offset));
  append(to, le64(section.bytes.size()));
  append(to, le32(section.link));
  append(to, le32(0));
  append(to, le64(4));
  append(to, le64(0));
}

} // namespace

Octets octets(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

Octets number(std::uint64_t value, std::size_t size) {
  Octets bytes;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(static_cast<std::byte>(value >> 8 * i));
  return bytes;
}

Octets note(std::uint32_t type, Bytes desc, std::string_view owner) {
  Octets bytes;
  append(bytes, le32(static_cast<std::uint32_t>(owner.size() + 1)));
  append(bytes, le32(static_cast<std::uint32_t>(desc.size())));
  append(bytes, le32(type));
  append(bytes, as_bytes(owner));
  bytes.push_back({});
  pad(bytes, 4);
  append(bytes, desc);
  pad(bytes, 4);
  return bytes;
}
Octets note(std::uint32_t type, std::uint64_t value) { return note(type, Bytes(number(value))); }
Octets note(std::uint32_t type, std::string_view text) {
  Octets desc = octets(text);
  desc.push_back({});
  return note(type, Bytes(desc));
}

Octets joined(const std::vector<Octets>& parts) {
  Octets all;
  for (const Octets& part : parts)
    append(all, Bytes(part));
  return all;
}

Octets Elf::build() const {
  std::vector<Section> all = sections;
  if (!all.empty()) {
    all.insert(all.begin(), Section{.name = "", .type = 0});
    all.push_back({.name = ".shstrtab", .type = 3});
    for (std::size_t i = 0; i + 1 < all.size(); ++i)
      append(all.back().bytes, as_bytes(std::string_view(all[i].name.c_str(), all[i].name.size() + 1)));
    append(all.back().bytes, as_bytes(std::string_view(".shstrtab\0", 10)));
  }

  constexpr std::size_t header_size = 64;
  Octets file(header_size);
  const std::size_t table_size = segments.size() * 56;
  const std::size_t early_table = file.size();
  if (!tables_last)
    file.resize(file.size() + table_size);
  Octets program_headers;
  for (const Segment& segment : segments) {
    pad(file, 16);
    append_program_header(program_headers, segment, file.size());
    append(file, Bytes(segment.bytes));
  }
  std::vector<std::size_t> section_offsets;
  for (const Section& section : all) {
    pad(file, 16);
    section_offsets.push_back(file.size());
    append(file, Bytes(section.bytes));
  }
  pad(file, 8);
  const std::size_t section_table = file.size();
  std::uint32_t name = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    append_section_header(file, name, all[i], i == 0 ? 0 : section_offsets[i]);
    name += static_cast<std::uint32_t>(all[i].name.size() + 1);
  }
  const std::size_t program_table = tables_last ? file.size() : early_table;
  file.resize(std::max(file.size(), program_table + table_size));
  std::ranges::copy(program_headers, file.begin() + static_cast<std::ptrdiff_t>(program_table));

  Octets header;
  append(header, as_bytes(std::string_view("\x7f"
                                           "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
                                           16)));
  append(header, le16(type));
  append(header, le16(62));
  append(header, le32(1));
  append(header, le64(entry));
  append(header, le64(program_table));
  append(header, le64(all.empty() ? 0 : section_table));
  append(header, le32(0));
  append(header, le16(header_size));
  append(header, le16(56));
  append(header, le16(static_cast<std::uint16_t>(segments.size())));
  append(header, le16(64));
  append(header, le16(static_cast<std::uint16_t>(all.size())));
  append(header, le16(static_cast<std::uint16_t>(all.empty() ? 0 : all.size() - 1)));
  std::ranges::copy(header, file.begin());
  return file;
}

std::vector<Octets> linux_notes(std::vector<std::uint32_t> left_out) {
  struct Entry {
    std::uint32_t type;
    Octets bytes;
  };
  const Entry entries[] = {
      {XEN_ELFNOTE_GUEST_OS, note(XEN_ELFNOTE_GUEST_OS, "linux")},
      {XEN_ELFNOTE_GUEST_VERSION, note(XEN_ELFNOTE_GUEST_VERSION, "2.6")},
      {XEN_ELFNOTE_XEN_VERSION, note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0")},
      {XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, linux_base)},
      {XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, 0x80'0000'0000)},
      {XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, linux_base + linux_text + 0x10)},
      {XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, Bytes(octets("!writable_page_tables")))},
      {XEN_ELFNOTE_SUPPORTED_FEATURES, note(XEN_ELFNOTE_SUPPORTED_FEATURES, Bytes(number(0x8801, 4)))},
      {XEN_ELFNOTE_LOADER, note(XEN_ELFNOTE_LOADER, "generic")},
      {XEN_ELFNOTE_MOD_START_PFN, note(XEN_ELFNOTE_MOD_START_PFN, Bytes(number(1, 4)))},
  };
  std::vector<Octets> notes;
  for (const Entry& entry : entries)
    if (std::ranges::find(left_out, entry.type) == left_out.end())
      notes.push_back(entry.bytes);
  return notes;
}

Elf linux_elf() {
  Octets text(0x3000);
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<std::byte>(i * 7 + (i >> 8));
  Elf elf;
  elf.entry = linux_text;
  elf.segments = {
      {.flags = 5, .paddr = linux_text, .bytes = text, .vaddr = linux_base + linux_text},
      {.flags = 6, .paddr = linux_text + 0x4000, .bytes = octets("data"), .memory_size = 0x5000, .vaddr = 0},
      {.type = 4, .flags = 4, .bytes = joined(linux_notes())},
  };
  return elf;
}

Elf with_notes(Elf elf, const std::vector<Octets>& notes) {
  for (Segment& segment : elf.segments)
    if (segment.type == 4)
      segment.bytes = joined(notes);
  return elf;
}

Octets bzimage(Bytes payload, std::optional<std::uint32_t> size_word, std::uint16_t protocol) {
  constexpr std::size_t setup_sectors = 4;
  constexpr std::size_t before_payload = 0x123;
  constexpr std::size_t version_at = 0x400;
  Octets file((setup_sectors + 1) * 512 + before_payload, std::byte{0x90});
  const auto put = [&](std::size_t offset, std::uint64_t value, std::size_t size) {
    file = patched(std::move(file), offset, value, size);
  };
  put(0x1f1, setup_sectors, 1);
  put(0x1fe, 0xaa55, 2);
  std::ranges::copy(octets("HdrS"), file.begin() + 0x202);
  put(0x206, protocol, 2);
  put(0x20e, version_at - 0x200, 2);
  std::ranges::copy(octets(std::string_view("6.1.0-test (x@y) #1\0", 20)), file.begin() + version_at);
  put(0x248, before_payload, 4);
  put(0x24c, payload.size() + (size_word ? 4 : 0), 4);
  append(file, payload);
  if (size_word)
    append(file, le32(*size_word));
  return file;
}

Octets patched(Octets bytes, std::size_t offset, std::uint64_t value, std::size_t size) {
  const Octets field = number(value, size);
  REQUIRE(offset + size <= bytes.size());
  std::ranges::copy(field, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  return bytes;
}

Result<fs::Run> MemoryFile::run_at(std::uint64_t offset) {
  const Bytes rest = Bytes(bytes_).subspan(static_cast<std::size_t>(offset));
  return fs::Run{.kind = fs::Run::Kind::inline_bytes, .offset = offset, .length = rest.size(), .bytes = rest};
}

Result<void> MemoryFile::read(std::uint64_t offset, MutBytes out) {
  const Bytes from = TRY(cut(bytes_, offset, out.size()));
  std::ranges::copy(from, out.begin());
  return {};
}

Result<Streamed> load(const Octets& file, std::size_t chunk) {
  MemoryFile source(file);
  const image::ImageHead head = TRY(image::peek(source));
  // Not filled: most of it may never be touched. Whole pages, as a loader has them.
  const auto room = static_cast<std::size_t>(
      align_up<std::uint64_t>(std::min<std::uint64_t>(head.window_size(), 128_MiB), page_size));
  const auto window = std::make_unique_for_overwrite<std::byte[]>(room);
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(head.decoder_memory);
  codec::Arena arena(MutBytes(memory.get(), head.decoder_memory));
  Octets buffer(chunk);
  image::FileChunks chunks(source, buffer);
  image::KernelStream stream(head, chunks, MutBytes(window.get(), room), arena);
  const image::KernelInfo* info = TRY(stream.read_layout());
  const std::size_t known_at = stream.content().size();
  TRY(image::bootable_pv(*info));
  TRY(stream.read_all());
  const Bytes content = stream.content();
  return Streamed{*info, {content.begin(), content.end()}, known_at};
}

} // namespace pvboot::test
