// Xen's table of notes, line by line: what each makes of a kernel. A row is a set of notes; it is bootable and
// something holds, or it is refused with a reason.
#include "kernels.hpp"

#include <catch2/catch.hpp>
#include <xen/elfnote.h>
#include <xen/features.h>

using namespace pvboot;
using namespace pvboot::image;
using namespace pvboot::test;

namespace {

constexpr std::uint32_t phys32_reloc = 19; // younger than the oldest headers that this builds with
constexpr std::uint64_t text = linux_base + linux_text;

struct Row {
  const char* what;
  std::vector<Octets> notes;
  const char* refusal = nullptr; ///< words of the reason; nullptr: bootable
  bool (*holds)(const KernelInfo&) = [](const KernelInfo&) { return true; };
};

/// The notes of a Linux-like kernel without those of the kinds of `others`, and these.
std::vector<Octets> with(std::vector<std::uint32_t> left_out, const std::vector<Octets>& others) {
  std::vector<Octets> all = linux_notes(std::move(left_out));
  all.insert(all.end(), others.begin(), others.end());
  return all;
}
std::vector<Octets> replaced(std::uint32_t type, const Octets& other) {
  return with(std::vector<std::uint32_t>{type}, std::vector<Octets>{other});
}

Octets bare(std::uint32_t type, std::string_view value) { return note(type, Bytes(octets(value))); }

std::vector<Row> rows() {
  using Info = const KernelInfo&;
  return {
      // 0: of no meaning to a loader.
      {"INFO", replaced(XEN_ELFNOTE_INFO, note(XEN_ELFNOTE_INFO, 5))},
      // 1
      {"ENTRY", linux_notes(), nullptr, [](Info k) { return k.entry == GuestVirt{text + 0x10}; }},
      {"ENTRY in 4 bytes is below the kernel",
       replaced(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, Bytes(number(text, 4)))), "entry point is outside"},
      {"ENTRY at the kernel's last byte", replaced(XEN_ELFNOTE_ENTRY, note(XEN_ELFNOTE_ENTRY, text + 0x8fff))},
      {"no ENTRY: e_entry, which is no address in the upper half here", with({XEN_ELFNOTE_ENTRY}, {}),
       "entry point is outside"},
      {"no ENTRY and VIRT_BASE 0: e_entry", with({XEN_ELFNOTE_ENTRY, XEN_ELFNOTE_VIRT_BASE}, {}), nullptr,
       [](Info k) { return k.entry == GuestVirt{linux_text}; }},
      // 2
      {"no HYPERCALL_PAGE", linux_notes(), nullptr, [](Info k) { return !k.hypercall_page; }},
      {"HYPERCALL_PAGE", replaced(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, text + 0x1000)), nullptr,
       [](Info k) { return k.hypercall_page == GuestVirt{text + 0x1000}; }},
      {"HYPERCALL_PAGE in the padding before the kernel",
       replaced(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, linux_base))},
      {"HYPERCALL_PAGE behind the kernel",
       replaced(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, text + 0x9000)),
       "hypercall page is outside"},
      {"HYPERCALL_PAGE of a size that reads as 0",
       replaced(XEN_ELFNOTE_HYPERCALL_PAGE, note(XEN_ELFNOTE_HYPERCALL_PAGE, Bytes(number(1, 3)))),
       "hypercall page is outside"},
      // 3
      {"VIRT_BASE", linux_notes(), nullptr, [](Info k) { return k.kernel_start == GuestVirt{text}; }},
      {"VIRT_BASE at the kernel itself is above what p_paddr says",
       replaced(XEN_ELFNOTE_VIRT_BASE, note(XEN_ELFNOTE_VIRT_BASE, text)), "entry point is outside"},
      // 4
      {"PADDR_OFFSET of 0", replaced(XEN_ELFNOTE_PADDR_OFFSET, note(XEN_ELFNOTE_PADDR_OFFSET, std::uint64_t{0}))},
      {"PADDR_OFFSET that moves the kernel down",
       with({XEN_ELFNOTE_PADDR_OFFSET, XEN_ELFNOTE_ENTRY},
            {note(XEN_ELFNOTE_PADDR_OFFSET, linux_text), note(XEN_ELFNOTE_ENTRY, linux_base)}),
       nullptr, [](Info k) { return k.kernel_start == GuestVirt{linux_base} && k.loads[0].target == 0; }},
      {"PADDR_OFFSET without VIRT_BASE",
       with({XEN_ELFNOTE_VIRT_BASE}, {note(XEN_ELFNOTE_PADDR_OFFSET, std::uint64_t{0})}), "no VIRT_BASE"},
      {"PADDR_OFFSET above the kernel", replaced(XEN_ELFNOTE_PADDR_OFFSET, note(XEN_ELFNOTE_PADDR_OFFSET, 0x1001000)),
       "below VIRT_BASE"},
      // 5
      {"XEN_VERSION of 64 bits", replaced(XEN_ELFNOTE_XEN_VERSION, note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0-x86_64"))},
      {"XEN_VERSION without its NUL", replaced(XEN_ELFNOTE_XEN_VERSION, bare(XEN_ELFNOTE_XEN_VERSION, "xen-3.0"))},
      {"XEN_VERSION that is too short", replaced(XEN_ELFNOTE_XEN_VERSION, note(XEN_ELFNOTE_XEN_VERSION, "xen-3")),
       "xen-3.0"},
      // 6 and 8
      {"GUEST_OS alone", with({XEN_ELFNOTE_LOADER}, {})},
      {"GUEST_OS that begins with linux",
       with({XEN_ELFNOTE_LOADER, XEN_ELFNOTE_GUEST_OS}, {bare(XEN_ELFNOTE_GUEST_OS, "linux-custom")})},
      {"another GUEST_OS for the generic LOADER", replaced(XEN_ELFNOTE_GUEST_OS, note(XEN_ELFNOTE_GUEST_OS, "NetBSD"))},
      {"a LOADER that begins with generic",
       with({XEN_ELFNOTE_LOADER, XEN_ELFNOTE_GUEST_OS}, {bare(XEN_ELFNOTE_LOADER, "generic-2")})},
      {"GUEST_OS in capitals", with({XEN_ELFNOTE_LOADER, XEN_ELFNOTE_GUEST_OS}, {note(XEN_ELFNOTE_GUEST_OS, "LINUX")}),
       "neither the generic loader nor Linux"},
      {"another LOADER and GUEST_OS",
       with({XEN_ELFNOTE_LOADER, XEN_ELFNOTE_GUEST_OS},
            {note(XEN_ELFNOTE_LOADER, "special"), note(XEN_ELFNOTE_GUEST_OS, "FreeBSD")}),
       "neither the generic loader nor Linux"},
      // 7
      {"GUEST_VERSION of any kind", replaced(XEN_ELFNOTE_GUEST_VERSION, note(XEN_ELFNOTE_GUEST_VERSION, "\x1b[2J"))},
      {"no GUEST_VERSION", with({XEN_ELFNOTE_GUEST_VERSION}, {})},
      // 9: of 32-bit kernels.
      {"PAE_MODE", replaced(XEN_ELFNOTE_PAE_MODE, note(XEN_ELFNOTE_PAE_MODE, "yes"))},
      {"PAE_MODE no", replaced(XEN_ELFNOTE_PAE_MODE, note(XEN_ELFNOTE_PAE_MODE, "no"))},
      // 10
      {"FEATURES that PV Xen does not advertise",
       replaced(XEN_ELFNOTE_FEATURES, bare(XEN_ELFNOTE_FEATURES, "!writable_page_tables")), nullptr,
       [](Info k) { return k.notes.features.requires_bit(XENFEAT_writable_page_tables); }},
      {"FEATURES of which nobody here knows one",
       replaced(XEN_ELFNOTE_FEATURES, bare(XEN_ELFNOTE_FEATURES, "a|dom0|b"))},
      {"FEATURES that are required and not known",
       replaced(XEN_ELFNOTE_FEATURES, bare(XEN_ELFNOTE_FEATURES, "dom0|!b")), "nobody here knows"},
      {"FEATURES of dom0", replaced(XEN_ELFNOTE_FEATURES, bare(XEN_ELFNOTE_FEATURES, "writable_page_tables|!dom0")),
       "dom0"},
      {"FEATURES of HVM", replaced(XEN_ELFNOTE_FEATURES, bare(XEN_ELFNOTE_FEATURES, "!auto_translated_physmap|dom0")),
       "HVM or PVH"},
      {"FEATURES in two notes add up",
       with({XEN_ELFNOTE_FEATURES}, {bare(XEN_ELFNOTE_FEATURES, "!dom0"), bare(XEN_ELFNOTE_FEATURES, "dom0")}), "dom0"},
      // 11
      {"BSD_SYMTAB without symbols", replaced(XEN_ELFNOTE_BSD_SYMTAB, note(XEN_ELFNOTE_BSD_SYMTAB, "yes")), nullptr,
       [](Info k) { return k.notes.bsd_symtab && !k.bsd_symbols; }},
      {"BSD_SYMTAB is not taken back",
       with({}, {note(XEN_ELFNOTE_BSD_SYMTAB, "yes"), note(XEN_ELFNOTE_BSD_SYMTAB, "no")}), nullptr,
       [](Info k) { return k.notes.bsd_symtab; }},
      {"BSD_SYMTAB wants the word itself", with({}, {note(XEN_ELFNOTE_BSD_SYMTAB, "yes please")}), nullptr,
       [](Info k) { return !k.notes.bsd_symtab; }},
      // 12, 13, 14: not used at boot.
      {"HV_START_LOW", replaced(XEN_ELFNOTE_HV_START_LOW, note(XEN_ELFNOTE_HV_START_LOW, 0xffff'8000'0000'0000))},
      {"L1_MFN_VALID in pairs", replaced(XEN_ELFNOTE_L1_MFN_VALID, note(XEN_ELFNOTE_L1_MFN_VALID, Bytes(Octets(32))))},
      {"SUSPEND_CANCEL", replaced(XEN_ELFNOTE_SUSPEND_CANCEL, note(XEN_ELFNOTE_SUSPEND_CANCEL, Bytes(number(1, 4))))},
      // 15
      {"INIT_P2M", linux_notes(), nullptr, [](Info k) { return k.init_p2m == GuestVirt{0x80'0000'0000}; }},
      {"INIT_P2M in the middle of a page", replaced(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, 0x80'0000'0008)),
       nullptr, [](Info k) { return !k.init_p2m; }},
      {"INIT_P2M above VIRT_BASE", replaced(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, linux_base + 0x4000'0000)),
       nullptr, [](Info k) { return !k.init_p2m; }},
      {"INIT_P2M inside the kernel", replaced(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, text)),
       "P2M list inside"},
      {"INIT_P2M behind the kernel's last byte",
       replaced(XEN_ELFNOTE_INIT_P2M, note(XEN_ELFNOTE_INIT_P2M, text + 0x9000)), nullptr,
       [](Info k) { return !k.init_p2m; }},
      // 16
      {"MOD_START_PFN", linux_notes(), nullptr, [](Info k) { return k.mod_start_pfn; }},
      {"MOD_START_PFN of 0", replaced(XEN_ELFNOTE_MOD_START_PFN, note(XEN_ELFNOTE_MOD_START_PFN, std::uint64_t{0})),
       nullptr, [](Info k) { return !k.mod_start_pfn; }},
      {"MOD_START_PFN of one byte", replaced(XEN_ELFNOTE_MOD_START_PFN, bare(XEN_ELFNOTE_MOD_START_PFN, "\x7f")),
       nullptr, [](Info k) { return k.mod_start_pfn; }},
      {"no MOD_START_PFN", with({XEN_ELFNOTE_MOD_START_PFN}, {}), nullptr, [](Info k) { return !k.mod_start_pfn; }},
      // 17
      {"SUPPORTED_FEATURES are added",
       replaced(XEN_ELFNOTE_SUPPORTED_FEATURES, note(XEN_ELFNOTE_SUPPORTED_FEATURES, Bytes(number(0x8800, 4)))),
       nullptr, [](Info k) { return k.notes.features.supported == 0x8801 && k.notes.features.required == 1; }},
      // 18
      {"PHYS32_ENTRY beside the PV notes",
       replaced(XEN_ELFNOTE_PHYS32_ENTRY, note(XEN_ELFNOTE_PHYS32_ENTRY, Bytes(number(linux_text, 4)))), nullptr,
       [](Info k) { return k.notes.phys32_entry == linux_text; }},
      {"PHYS32_ENTRY alone", {note(XEN_ELFNOTE_PHYS32_ENTRY, Bytes(number(linux_text, 4)))}, "only a PVH entry"},
      // 19 and what is to come
      {"PHYS32_RELOC with three words", replaced(phys32_reloc, note(phys32_reloc, Bytes(Octets(12, std::byte{1}))))},
      {"PHYS32_RELOC of no bytes", replaced(phys32_reloc, note(phys32_reloc, Bytes()))},
      {"an unknown note", replaced(77, note(77, "of the future"))},
      {"an unknown note of 2 KiB", replaced(0xffffffff, note(0xffffffff, Bytes(Octets(2048))))},
      {"the PV notes of another owner only", {note(XEN_ELFNOTE_ENTRY, Bytes(number(text)), "Xen2")}, "no Xen notes"},
  };
}

/// `refusal`: a part of the words that the kernel is refused with; null: it can be booted.
void check_effect(const pvboot::test::Elf& elf, const char* refusal, bool (*holds)(const KernelInfo&)) {
  const auto info = read_kernel_info(elf.build(), true);
  REQUIRE(info);
  REQUIRE(*info);
  const auto verdict = bootable_pv(**info);
  const std::string reason = verdict ? "" : verdict.error().text();
  CAPTURE(reason);
  CHECK(verdict.has_value() == (refusal == nullptr));
  if (refusal != nullptr)
    CHECK(reason.find(refusal) != std::string::npos);
  CHECK(holds(**info));
}

} // namespace

TEST_CASE("each of Xen's notes is honoured, refused or ignored as Xen does") {
  for (const Row& row : rows()) {
    CAPTURE(row.what);
    check_effect(with_notes(linux_elf(), row.notes), row.refusal, row.holds);
  }
}

TEST_CASE("each of the legacy section's names is honoured, refused or ignored as Xen does") {
  struct LegacyRow {
    const char* text;
    const char* refusal = nullptr;
    bool (*holds)(const KernelInfo&) = [](const KernelInfo&) { return true; };
  };
  using Info = const KernelInfo&;
  constexpr LegacyRow rows[] = {
      {"GUEST_OS=linux,XEN_VER=xen-3.0", "not canonical"}, // VIRT_BASE 0, PADDR_OFFSET 0
      {"GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,VIRT_ENTRY=0xffffffff81000000", nullptr,
       [](Info k) { return k.paddr_offset == linux_base && k.entry == GuestVirt{text}; }},
      {"LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,VIRT_ENTRY=0xffffffff81000000,"
       "HYPERCALL_PAGE=0x1002,FEATURES=writable_page_tables|!nothing,PAE=yes[extended-cr3],BSD_SYMTAB",
       "nobody here knows", [](Info k) { return k.notes.bsd_symtab && k.hypercall_page == GuestVirt{text + 0x2000}; }},
      {"GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,ELF_PADDR_OFFSET=0,"
       "VIRT_ENTRY=0xffffffff81000000",
       "wraps around"}, // the segments lie at VIRT_BASE here, so twice that
      {"GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=-1", "not canonical"}, // no number: 0
      {"XEN_VER=xen-3.0,GUEST_OS=plan9,VIRT_BASE=0xffffffff80000000", "neither the generic loader nor Linux"},
      {"", "neither the generic loader nor Linux"},
      {"=,=,,==,LOADER", "neither the generic loader nor Linux"},
  };
  for (const LegacyRow& row : rows) {
    CAPTURE(row.text);
    pvboot::test::Elf elf = linux_elf();
    elf.segments.pop_back();
    for (Segment& segment : elf.segments)
      segment.paddr += linux_base;
    Octets bytes = octets(row.text);
    bytes.push_back({});
    elf.sections = {{.name = "__xen_guest", .bytes = bytes}};
    check_effect(elf, row.refusal, row.holds);
  }
}
