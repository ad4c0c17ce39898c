// Kernels that cannot be booted, and the reason that a person is given. Each row is a file; the loader's own way
// through it (peek, stream, bootable_pv) has to end in an error that contains the words.
#include "kernels.hpp"

#include <catch2/catch.hpp>
#include <xen/elfnote.h>

using namespace pvboot;
using namespace pvboot::test;

namespace {

struct Row {
  const char* what;
  Octets file;
  Code code;
  const char* words;
};

constexpr std::size_t phdr = 64; ///< file offset of the first program header
constexpr std::size_t phdr_step = 56;

Octets good() { return linux_elf().build(); }
Octets notes(const std::vector<Octets>& list) { return with_notes(linux_elf(), list).build(); }

/// The good notes with one replaced.
Octets noted(std::uint32_t type, Octets replacement) {
  std::vector<Octets> list = linux_notes({type});
  list.push_back(std::move(replacement));
  return notes(list);
}

Octets segment_moved(std::uint64_t paddr) {
  Elf elf = linux_elf();
  elf.segments[1].paddr = paddr;
  return elf.build();
}

Octets cut_to(Octets file, std::size_t size) {
  file.resize(size);
  return file;
}

/// A 32-bit ELF with a multiboot header at `at`, whose checksum is off by `off`.
Octets multiboot_program(std::size_t at, std::uint32_t off) {
  Octets file = patched(good(), 4, 1, 1);
  file.resize(std::max<std::size_t>(file.size(), 16384));
  file = patched(std::move(file), at, 0x1badb002, 4);
  file = patched(std::move(file), at + 4, 3, 4);
  return patched(std::move(file), at + 8, 0u - 0x1badb002u - 3u + off, 4);
}

std::vector<Row> elf_rows() {
  Elf no_loads = linux_elf();
  no_loads.segments.erase(no_loads.segments.begin(), no_loads.segments.begin() + 2);
  Elf many = linux_elf();
  many.segments.insert(many.segments.end(), 70, Segment{.flags = 5, .paddr = 0x2000000, .bytes = octets("x")});
  return {
      {"empty file", {}, Code::corrupt, "empty"},
      {"one byte", octets("x"), Code::unsupported, "not a kernel"},
      {"zeroes", Octets(100'000), Code::unsupported, "zeroes"},
      {"a script", octets("#!/bin/sh\nexit 0\n"), Code::unsupported, "not a kernel"},
      {"an EFI program", octets("MZ\x90 and so on"), Code::unsupported, "EFI"},
      {"32-bit class", patched(good(), 4, 1, 1), Code::unsupported, "32-bit"},
      {"32-bit class cut", cut_to(patched(good(), 4, 1, 1), 100), Code::unsupported, "32-bit"},
      {"Xen", multiboot_program(4096, 0), Code::unsupported, "the Xen hypervisor"},
      {"Xen with its header at the last possible place", multiboot_program(8180, 0), Code::unsupported,
       "the Xen hypervisor"},
      {"a multiboot header too far inside", multiboot_program(8184, 0), Code::unsupported, "32-bit"},
      {"a multiboot header with a wrong sum", multiboot_program(4096, 1), Code::unsupported, "32-bit"},
      {"a multiboot header between its places", multiboot_program(4098, 0), Code::unsupported, "32-bit"},
      {"no class", patched(good(), 4, 0, 1), Code::corrupt, "no known class"},
      {"big-endian", patched(good(), 5, 2, 1), Code::unsupported, "big-endian"},
      {"ARM", patched(good(), 18, 183, 2), Code::unsupported, "another kind of machine"},
      {"object file", patched(good(), 16, 1, 2), Code::unsupported, "no program"},
      {"core dump", patched(good(), 16, 4, 2), Code::unsupported, "no program"},
      {"header cut", cut_to(good(), 63), Code::corrupt, "too small"},
      {"program headers cut", cut_to(good(), 100), Code::corrupt, "program headers"},
      {"program headers far away", patched(good(), 32, 1 << 30, 8), Code::corrupt, "program headers"},
      {"program headers wrap", patched(good(), 32, ~std::uint64_t{0} - 8, 8), Code::corrupt,
       "past the end of any file"},
      {"program headers of 32 bytes", patched(good(), 54, 32, 2), Code::corrupt, "impossible size"},
      {"60,000 program headers", patched(good(), 56, 60'000, 2), Code::too_large, "more program headers"},
      {"PN_XNUM", patched(good(), 56, 0xffff, 2), Code::too_large, "more program headers"},
      {"no program headers", patched(good(), 56, 0, 2), Code::unsupported, "no segment"},
      {"no segment to load", no_loads.build(), Code::unsupported, "no segment"},
      {"70 segments", many.build(), Code::too_large, "more segments"},
      {"segment larger in the file", patched(good(), phdr + 40, 1, 8), Code::corrupt, "more bytes in the file"},
      {"segment past the file", patched(good(), phdr + 8, 0x100000, 8), Code::corrupt, "past the end of the kernel"},
      {"segment wraps in the file", patched(good(), phdr + 8, ~std::uint64_t{0} - 5, 8), Code::corrupt, "wraps"},
      {"segment wraps in memory", patched(good(), phdr + 24, ~std::uint64_t{0} - 5, 8), Code::corrupt, "wraps"},
      {"absurd segment", patched(good(), phdr + phdr_step + 40, std::uint64_t{1} << 62, 8), Code::unsupported, "wraps"},
      {"overlapping segments", segment_moved(linux_text + 0x2fff), Code::unsupported, "overlap"},
      {"the same segment twice", segment_moved(linux_text), Code::unsupported, "overlap"},
      {"unaligned kernel", patched(good(), phdr + 24, linux_text - 8, 8), Code::unsupported, "start of a page"},
  };
}

std::vector<Row> note_rows() {
  std::vector<Octets> offset_alone = linux_notes({XEN_ELFNOTE_VIRT_BASE});
  offset_alone.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, std::uint64_t{0}));
  std::vector<Octets> offset_high = linux_notes();
  offset_high.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, 0x2000000));
  std::vector<Octets> truncated = linux_notes();
  truncated.back().resize(truncated.back().size() - 5);
  return {
      {"no Xen notes", notes({note(3, Bytes(octets("id")), "GNU")}), Code::unsupported, "without CONFIG_XEN_PV"},
      {"PVH only",
       notes({note(XEN_ELFNOTE_GUEST_OS, "linux"), note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0"),
              note(XEN_ELFNOTE_PHYS32_ENTRY, Bytes(number(0x1000000, 4)))}),
       Code::unsupported, "only a PVH entry"},
      {"another guest", notes(linux_notes({XEN_ELFNOTE_GUEST_OS, XEN_ELFNOTE_LOADER})), Code::unsupported,
       "neither the generic loader nor Linux"},
      {"no Xen version", notes(linux_notes({XEN_ELFNOTE_XEN_VERSION})), Code::unsupported, "xen-3.0"},
      {"Xen 2", noted(XEN_ELFNOTE_XEN_VERSION, note(XEN_ELFNOTE_XEN_VERSION, "xen-2.0")), Code::unsupported, "xen-3.0"},
      {"PADDR_OFFSET alone", notes(offset_alone), Code::unsupported, "no VIRT_BASE"},
      {"PADDR_OFFSET above the kernel", notes(offset_high), Code::unsupported, "below VIRT_BASE"},
      {"unaligned VIRT_BASE", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, linux_base + 8)),
       Code::unsupported, "start of a page"},
      {"VIRT_BASE of 3 bytes reads as 0: the entry is outside",
       noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, Bytes(number(0, 3)))), Code::unsupported, "entry"},
      {"VIRT_BASE not canonical", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0x0000'8000'0000'0000)),
       Code::unsupported, "not canonical"},
      {"VIRT_BASE in Xen's slots", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0xffff'8300'0000'0000)),
       Code::unsupported, "Xen's own"},
      {"kernel reaches into what is not canonical",
       noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0x0000'7fff'fefff000)), Code::unsupported,
       "not canonical"},
      {"kernel wraps", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0xffff'ffff'ffff'f000)),
       Code::unsupported, "wraps around"},
      {"entry below", noted(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, linux_base)), Code::unsupported, "entry"},
      {"entry above", noted(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, linux_base + linux_text + 0x9000)),
       Code::unsupported, "entry"},
      {"unknown required feature", noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!time_travel")),
       Code::unsupported, "time_travel"},
      {"requires dom0", noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!dom0")), Code::unsupported, "dom0"},
      {"requires auto_translated_physmap",
       noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!auto_translated_physmap")), Code::unsupported, "PVH"},
      {"P2M inside the kernel",
       noted(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, linux_base + linux_text + 0x1000)), Code::unsupported,
       "P2M"},
      {"P2M not canonical", noted(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, 0x0001'0000'0000'0000)),
       Code::unsupported, "P2M"},
      {"hypercall page outside", noted(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, 0x1000)),
       Code::unsupported, "hypercall page is outside"},
      {"hypercall page unaligned",
       noted(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, linux_base + linux_text + 1)),
       Code::unsupported, "hypercall page is not"},
      {"absurd note size", notes({patched(joined(linux_notes()), 4, 0xfffffff0, 4)}), Code::corrupt, "note"},
      {"absurd owner size", notes({patched(joined(linux_notes()), 0, 0xffffffff, 4)}), Code::corrupt, "note"},
      {"last note cut", notes(truncated), Code::corrupt, "note"},
      {"notes past the file", patched(good(), phdr + 2 * phdr_step + 32, 0x100000, 8), Code::corrupt, "notes"},
      {"notes wrap", patched(good(), phdr + 2 * phdr_step + 8, ~std::uint64_t{0} - 3, 8), Code::corrupt, "note"},
  };
}

std::vector<Row> container_rows() {
  const Octets payload = good();
  const Octets image = bzimage(payload, std::nullopt);
  return {
      {"bzImage 2.07", bzimage(payload, std::nullopt, 0x207), Code::unsupported, "older than 2.6.26"},
      {"bzImage cut", cut_to(image, image.size() - 1), Code::corrupt, "cut short"},
      {"bzImage cut in its setup", cut_to(image, 0x240), Code::corrupt, ""},
      {"bzImage without payload", patched(image, 0x24c, 0, 4), Code::corrupt, "no payload"},
      {"bzImage payload far away", patched(image, 0x248, 0xfffffff0, 4), Code::corrupt, "cut short"},
      {"bzImage payload unknown", bzimage(Octets(5000, std::byte{0x42}), 5000), Code::unsupported, "not known"},
      {"bzImage payload of 3 bytes", bzimage(octets("\x1f\x8b\x08"), std::nullopt), Code::corrupt, "too short"},
      {"bzImage claims 3 GiB", bzimage(octets("\x28\xb5\x2f\xfd and so on"), 0xc0000000), Code::too_large, "1 GiB"},
      {"bzImage claims 5 bytes", bzimage(octets("\x28\xb5\x2f\xfd and so on"), 5), Code::corrupt, "too small"},
      {"bzImage of garbage zstd", bzimage(octets("\x28\xb5\x2f\xfd\xff and so on"), 5000), Code::corrupt, "Zstandard"},
      {"bzImage of garbage gzip", bzimage(octets("\x1f\x8b\x08\xff and so on, on, on"), 5000), Code::corrupt, "gzip"},
  };
}

} // namespace

TEST_CASE("an unbootable kernel is refused with its reason") {
  std::size_t rows = 0;
  for (const auto& table : {elf_rows(), note_rows(), container_rows()})
    for (const Row& row : table) {
      CAPTURE(row.what);
      const auto result = load(row.file, 1000);
      REQUIRE_FALSE(result);
      const std::string text = result.error().text();
      CAPTURE(text);
      CHECK(result.error().code() == row.code);
      CHECK(text.find(row.words) != std::string::npos);
      ++rows;
    }
  CHECK(rows >= 60);
}

TEST_CASE("the kernel that they are made from is bootable") {
  CHECK(load(good()));
  CHECK(load(bzimage(good(), std::nullopt)));
}
