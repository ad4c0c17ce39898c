#include "unbootable.hpp"

#include "../codec/samples.hpp"
#include "cached_files.hpp"

#include <algorithm>
#include <xen/elfnote.h>

namespace pvboot::test {

namespace {

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

std::vector<Unbootable> elf_rows() {
  Elf no_loads = linux_elf();
  no_loads.segments.erase(no_loads.segments.begin(), no_loads.segments.begin() + 2);
  Elf many = linux_elf();
  many.segments.insert(many.segments.end(), 70, Segment{.flags = 5, .paddr = 0x2000000, .bytes = octets("x")});
  return {
      {"empty-file", {}, Code::corrupt, "empty"},
      {"one-byte", octets("x"), Code::unsupported, "not a kernel"},
      {"zeroes", Octets(100'000), Code::unsupported, "zeroes"},
      {"a-script", octets("#!/bin/sh\nexit 0\n"), Code::unsupported, "not a kernel"},
      {"an-efi-program", octets("MZ\x90 and so on"), Code::unsupported, "EFI"},
      {"32-bit-class", patched(good(), 4, 1, 1), Code::unsupported, "32-bit"},
      {"32-bit-class-cut", cut_to(patched(good(), 4, 1, 1), 100), Code::unsupported, "32-bit"},
      {"xen", multiboot_program(4096, 0), Code::unsupported, "the Xen hypervisor"},
      {"xen-with-its-header-at-the-last-place", multiboot_program(8180, 0), Code::unsupported, "the Xen hypervisor"},
      {"multiboot-header-too-far-inside", multiboot_program(8184, 0), Code::unsupported, "32-bit"},
      {"multiboot-header-with-a-wrong-sum", multiboot_program(4096, 1), Code::unsupported, "32-bit"},
      {"multiboot-header-between-its-places", multiboot_program(4098, 0), Code::unsupported, "32-bit"},
      {"no-class", patched(good(), 4, 0, 1), Code::corrupt, "no known class"},
      {"big-endian", patched(good(), 5, 2, 1), Code::unsupported, "big-endian"},
      {"arm", patched(good(), 18, 183, 2), Code::unsupported, "another kind of machine"},
      {"object-file", patched(good(), 16, 1, 2), Code::unsupported, "no program"},
      {"core-dump", patched(good(), 16, 4, 2), Code::unsupported, "no program"},
      {"header-cut", cut_to(good(), 63), Code::corrupt, "too small"},
      {"program-headers-cut", cut_to(good(), 100), Code::corrupt, "program headers"},
      {"program-headers-far-away", patched(good(), 32, 1 << 30, 8), Code::corrupt, "program headers"},
      {"program-headers-wrap", patched(good(), 32, ~std::uint64_t{0} - 8, 8), Code::corrupt,
       "past the end of any file"},
      {"program-headers-of-32-bytes", patched(good(), 54, 32, 2), Code::corrupt, "impossible size"},
      {"60000-program-headers", patched(good(), 56, 60'000, 2), Code::too_large, "more program headers"},
      {"program-headers-counted-elsewhere", patched(good(), 56, 0xffff, 2), Code::too_large, "more program headers"},
      {"no-program-headers", patched(good(), 56, 0, 2), Code::unsupported, "no segment"},
      {"no-segment-to-load", no_loads.build(), Code::unsupported, "no segment"},
      {"70-segments", many.build(), Code::too_large, "more segments"},
      {"segment-larger-in-the-file", patched(good(), phdr + 40, 1, 8), Code::corrupt, "more bytes in the file"},
      {"segment-past-the-file", patched(good(), phdr + 8, 0x100000, 8), Code::corrupt, "past the end of the kernel"},
      {"segment-wraps-in-the-file", patched(good(), phdr + 8, ~std::uint64_t{0} - 5, 8), Code::corrupt, "wraps"},
      {"segment-wraps-in-memory", patched(good(), phdr + 24, ~std::uint64_t{0} - 5, 8), Code::corrupt, "wraps"},
      {"absurd-segment", patched(good(), phdr + phdr_step + 40, std::uint64_t{1} << 62, 8), Code::unsupported, "wraps"},
      {"overlapping-segments", segment_moved(linux_text + 0x2fff), Code::unsupported, "overlap"},
      {"the-same-segment-twice", segment_moved(linux_text), Code::unsupported, "overlap"},
      {"unaligned-kernel", patched(good(), phdr + 24, linux_text - 8, 8), Code::unsupported, "start of a page"},
  };
}

std::vector<Unbootable> note_rows() {
  std::vector<Octets> offset_alone = linux_notes({XEN_ELFNOTE_VIRT_BASE});
  offset_alone.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, std::uint64_t{0}));
  std::vector<Octets> offset_high = linux_notes();
  offset_high.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, 0x2000000));
  std::vector<Octets> truncated = linux_notes();
  truncated.back().resize(truncated.back().size() - 5);
  return {
      {"no-xen-notes", notes({note(3, Bytes(octets("id")), "GNU")}), Code::unsupported, "without CONFIG_XEN_PV"},
      {"pvh-only",
       notes({note(XEN_ELFNOTE_GUEST_OS, "linux"), note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0"),
              note(XEN_ELFNOTE_PHYS32_ENTRY, Bytes(number(0x1000000, 4)))}),
       Code::unsupported, "only a PVH entry"},
      {"another-guest", notes(linux_notes({XEN_ELFNOTE_GUEST_OS, XEN_ELFNOTE_LOADER})), Code::unsupported,
       "neither the generic loader nor Linux"},
      {"no-xen-version", notes(linux_notes({XEN_ELFNOTE_XEN_VERSION})), Code::unsupported, "xen-3.0"},
      {"xen-2", noted(XEN_ELFNOTE_XEN_VERSION, note(XEN_ELFNOTE_XEN_VERSION, "xen-2.0")), Code::unsupported, "xen-3.0"},
      {"paddr-offset-alone", notes(offset_alone), Code::unsupported, "no VIRT_BASE"},
      {"paddr-offset-above-the-kernel", notes(offset_high), Code::unsupported, "below VIRT_BASE"},
      {"unaligned-virt-base", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, linux_base + 8)),
       Code::unsupported, "start of a page"},
      {"virt-base-of-3-bytes", // reads as 0
       noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, Bytes(number(0, 3)))), Code::unsupported,
       "entry point is outside"},
      {"virt-base-not-canonical", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0x0000'8000'0000'0000)),
       Code::unsupported, "not canonical"},
      {"virt-base-in-xens-slots", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0xffff'8300'0000'0000)),
       Code::unsupported, "Xen's own"},
      {"kernel-reaches-into-what-is-not-canonical",
       noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0x0000'7fff'fefff000)), Code::unsupported,
       "not canonical"},
      {"kernel-wraps", noted(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, 0xffff'ffff'ffff'f000)),
       Code::unsupported, "wraps around"},
      {"entry-below", noted(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, linux_base)), Code::unsupported,
       "entry point is outside"},
      {"entry-above", noted(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, linux_base + linux_text + 0x9000)),
       Code::unsupported, "entry point is outside"},
      {"unknown-required-feature", noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!time_travel")),
       Code::unsupported, "time_travel"},
      {"requires-dom0", noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!dom0")), Code::unsupported, "dom0"},
      {"requires-auto-translated-physmap",
       noted(XEN_ELFNOTE_FEATURES, note(XEN_ELFNOTE_FEATURES, "!auto_translated_physmap")), Code::unsupported, "PVH"},
      {"p2m-inside-the-kernel",
       noted(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, linux_base + linux_text + 0x1000)), Code::unsupported,
       "P2M list inside the kernel"},
      {"p2m-not-canonical", noted(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, 0x0001'0000'0000'0000)),
       Code::unsupported, "P2M list into addresses"},
      {"hypercall-page-outside", noted(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, 0x1000)),
       Code::unsupported, "hypercall page is outside"},
      {"hypercall-page-unaligned",
       noted(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, linux_base + linux_text + 1)),
       Code::unsupported, "hypercall page is not"},
      {"absurd-note-size", notes({patched(joined(linux_notes()), 4, 0xfffffff0, 4)}), Code::corrupt,
       "past the end of its table"},
      {"absurd-owner-size", notes({patched(joined(linux_notes()), 0, 0xffffffff, 4)}), Code::corrupt,
       "past the end of its table"},
      {"last-note-cut", notes(truncated), Code::corrupt, "past the end of its table"},
      {"notes-past-the-file", patched(good(), phdr + 2 * phdr_step + 32, 0x100000, 8), Code::corrupt,
       "ends inside its ELF notes"},
      {"notes-wrap", patched(good(), phdr + 2 * phdr_step + 8, ~std::uint64_t{0} - 3, 8), Code::corrupt,
       "past the end of any file"},
  };
}

/// Notes elsewhere than in a segment.
std::vector<Unbootable> section_rows() {
  Elf elf = linux_elf();
  elf.segments.pop_back();
  elf.sections = {{.name = ".notes", .type = 7, .bytes = joined(linux_notes())}};
  const Octets file = elf.build();
  constexpr std::size_t section_size = 64;
  constexpr std::size_t entry_size_at = 58;
  constexpr std::size_t count_at = 60;
  elf.sections = {{.name = "__xen_guest", .bytes = octets("GUEST_OS=linux,XEN_VER=xen-2.0,VIRT_BASE=0")}};
  const Octets legacy = elf.build();
  const std::size_t legacy_section = legacy.size() - 2 * section_size; // before the names' own
  return {
      {"section-headers-cut", cut_to(file, file.size() - 1), Code::corrupt, "ELF section headers"},
      {"section-headers-wrap", patched(file, 40, ~std::uint64_t{0} - 8, 8), Code::corrupt, "past the end of any file"},
      {"section-headers-of-40-bytes", patched(file, entry_size_at, 40, 2), Code::corrupt, "impossible size"},
      {"60000-sections", patched(file, count_at, 60'000, 2), Code::too_large, "more sections"},
      {"sections-counted-elsewhere", patched(file, count_at, 0, 2), Code::too_large, "more sections"},
      {"section-notes-past-the-file", patched(file, file.size() - 2 * section_size + 32, 0x10000, 8), Code::corrupt,
       "ends inside its ELF notes"},
      {"guest-section-of-xen-2", legacy, Code::unsupported, "xen-3.0"},
      {"guest-section-past-the-file", patched(legacy, legacy_section + 32, 0x10000, 8), Code::corrupt,
       "inside its __xen_guest section"},
  };
}

std::vector<Unbootable> container_rows() {
  const Octets payload = good();
  const Octets image = bzimage(payload, std::nullopt);
  const Octets packed = filter("zstd -q -c", payload);
  const auto size = static_cast<std::uint32_t>(payload.size());
  // A good kernel's first bytes, then more than any window has.
  const Octets bomb = filter("((cat; head -c 300000000 /dev/zero) | zstd -q -c)", payload);
  return {
      {"bzimage-2.07", bzimage(payload, std::nullopt, 0x207), Code::unsupported, "older than 2.6.26"},
      {"bzimage-cut", cut_to(image, image.size() - 1), Code::corrupt, "cut short"},
      {"bzimage-cut-in-its-setup", cut_to(image, 0x240), Code::corrupt, "ends inside its header"},
      {"bzimage-without-payload", patched(image, 0x24c, 0, 4), Code::corrupt, "no payload"},
      {"bzimage-payload-far-away", patched(image, 0x248, 0xfffffff0, 4), Code::corrupt, "cut short"},
      {"bzimage-payload-unknown", bzimage(Octets(5000, std::byte{0x42}), 5000), Code::unsupported, "not known"},
      {"bzimage-payload-of-3-bytes", bzimage(octets("\x1f\x8b\x08"), std::nullopt), Code::corrupt, "too short"},
      {"bzimage-claims-3-gib", bzimage(packed, 0xc0000000), Code::too_large, "1 GiB"},
      {"bzimage-claims-900-mib", bzimage(packed, 900 << 20), Code::corrupt, "another size", "uncompressed kernel"},
      {"bzimage-claims-5-bytes", bzimage(packed, 5), Code::corrupt, "too small"},
      {"bzimage-claims-one-byte-more", bzimage(packed, size + 1), Code::corrupt,
       "another size than its bzImage states"},
      {"bzimage-claims-one-byte-less", bzimage(packed, size - 1), Code::too_large, "more bytes than there is room"},
      {"bzimage-with-a-bomb", bzimage(bomb, 1 << 20), Code::too_large, "more bytes than there is room"},
      {"bzimage-of-a-bzimage", bzimage(image, std::nullopt), Code::unsupported, "not known"},
      {"a-bzimage-in-gzip", filter("gzip -c", image), Code::unsupported,
       "gzip: a bzImage that was compressed once more"},
      {"a-bomb-alone", filter("(head -c 100000000 /dev/zero | gzip -1 -c)", {}), Code::unsupported,
       "gzip: not a kernel: it begins with zeroes"},
      {"an-initrd", filter("gzip -c", octets("0707010000000000000000000000000000000000000000000000000000000000000000")),
       Code::unsupported, "gzip: not a kernel: a cpio archive"},
      {"an-initrd-not-compressed", octets("070701000000000000000000000000000000"), Code::unsupported, "cpio archive"},
      {"an-arm64-image", patched(patched(Octets(4096), 0, 0x5a4d, 2), 0x38, 0x644d5241, 4), Code::unsupported, "arm64"},
      {"a-riscv-image", patched(patched(Octets(4096), 0, 0x5a4d, 2), 0x38, 0x05435352, 4), Code::unsupported, "RISC-V"},
      {"an-efi-zboot-image", patched(patched(Octets(4096), 0, 0x5a4d, 2), 4, 0x676d697a, 4), Code::unsupported,
       "zboot"},
      // 1 GiB of zeroes in memory: a kernel that can be started, though not here.
      {"too-large-for-a-small-guest", patched(good(), phdr + phdr_step + 40, 1 << 30, 8), Code::out_of_memory, "",
       "guest's memory"},
  };
}

/// Each compression of a whole file and in a bzImage: cut off, and damaged in the middle.
std::vector<Unbootable> codec_rows() {
  std::vector<Unbootable> rows;
  Elf elf = linux_elf();
  elf.segments.push_back({.type = 0x70000000, .flags = 0, .bytes = sample(20'000)});
  const Octets file = elf.build();
  for (const Tool& tool : one_tool_each()) {
    std::string label(codec::name(tool.codec));
    std::ranges::replace(label, ' ', '-');
    const Octets packed = filter(tool.command, file);
    const bool own_size = tool.codec == codec::Codec::gzip;
    // Ones behind every format's header are no length, offset or code that makes sense; where they are (deflate), the
    // checksum is damaged.
    Octets noisy = packed;
    if (own_size)
      noisy[noisy.size() - 8] ^= std::byte{0xff};
    else
      std::fill(noisy.begin() + static_cast<std::ptrdiff_t>(packed.size() / 2), noisy.end(), std::byte{0xff});
    const Octets half = cut_to(packed, packed.size() / 2);
    const std::string cut_words = "ends early";
    rows.push_back({label + "-cut", half, Code::corrupt, cut_words});
    rows.push_back({label + "-damaged", noisy, Code::corrupt, std::string(codec::name(tool.codec))});
    const auto size = static_cast<std::uint32_t>(file.size());
    rows.push_back({"bzimage-of-" + label + "-cut", bzimage(half, size), Code::corrupt, cut_words});
    rows.push_back({"bzimage-of-" + label + "-damaged", bzimage(noisy, own_size ? std::nullopt : std::optional(size)),
                    Code::corrupt, std::string(codec::name(tool.codec))});
  }
  return rows;
}

/// Files that other people made, where the cache has them.
std::vector<Unbootable> real_rows() {
  std::vector<Unbootable> rows;
  if (const auto xen = cached_file("xen", "xen.elf")) {
    rows.push_back({"xen-itself", *xen, Code::unsupported, "the Xen hypervisor"});
    rows.push_back({"xen-itself-compressed", filter("gzip -c", *xen), Code::unsupported, "the Xen hypervisor"});
  }
  if (const auto module = cached_file("kernel-lz4", "modules/ext4.ko")) {
    rows.push_back({"a-kernel-module", *module, Code::unsupported, "a kernel module"});
    rows.push_back({"a-kernel-module-compressed", filter("xz -0 -c", *module), Code::unsupported, "a kernel module"});
  }
  if (const auto kernel = cached_file("kernel-lz4", "vmlinuz"))
    rows.push_back({"half-of-debians-kernel", cut_to(*kernel, kernel->size() / 2), Code::corrupt, "cut short"});
  return rows;
}

} // namespace

std::vector<Unbootable> unbootable_kernels() {
  std::vector<Unbootable> all;
  for (auto& rows : {elf_rows(), note_rows(), section_rows(), container_rows(), codec_rows(), real_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

} // namespace pvboot::test
