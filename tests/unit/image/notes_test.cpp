#include "kernels.hpp"

#include <catch2/catch.hpp>
#include <xen/elfnote.h>
#include <xen/features.h>

using namespace pvboot;
using namespace pvboot::image;
using namespace pvboot::test;

namespace {

XenNotes read(const Octets& table) {
  XenNotes notes;
  REQUIRE(add_notes(notes, table));
  return notes;
}

} // namespace

TEST_CASE("a numeric note has 1, 2, 4 or 8 bytes; any other size reads as 0") {
  const Octets bytes = number(0x1122334455667788);
  const std::uint64_t expected[] = {0, 0x88, 0x7788, 0, 0x55667788, 0, 0, 0, 0x1122334455667788};
  for (std::size_t size = 0; size <= 8; ++size)
    CHECK(note_number(Bytes(bytes).first(size)) == expected[size]);
  CHECK(note_number(Octets(16, std::byte{1})) == 0);
}

TEST_CASE("a string note ends at its NUL or its end") {
  CHECK(note_string(octets("linux")) == "linux");
  CHECK(note_string(octets(std::string_view("linux\0more", 10))) == "linux");
  CHECK(note_string({}).empty());
  CHECK(note_string(Octets(100'000, std::byte{'a'})).size() == max_note_desc);
}

TEST_CASE("each note of Xen's table is taken") {
  std::vector<Octets> all = linux_notes();
  all.push_back(note(XEN_ELFNOTE_HYPERCALL_PAGE, linux_base + 0x1001000));
  all.push_back(note(XEN_ELFNOTE_PADDR_OFFSET, Bytes(number(0x1000, 4))));
  all.push_back(note(XEN_ELFNOTE_BSD_SYMTAB, "yes"));
  all.push_back(note(XEN_ELFNOTE_PHYS32_ENTRY, Bytes(number(0x1000040, 4))));
  const XenNotes notes = read(joined(all));
  CHECK(notes.all.size() == all.size());
  CHECK(notes.entry == GuestVirt{linux_base + linux_text + 0x10});
  CHECK(notes.hypercall_page == GuestVirt{linux_base + 0x1001000});
  CHECK(notes.virt_base == GuestVirt{linux_base});
  CHECK(notes.paddr_offset == 0x1000);
  CHECK(notes.init_p2m == GuestVirt{0x80'0000'0000});
  CHECK(notes.phys32_entry == 0x1000040);
  CHECK(notes.mod_start_pfn);
  CHECK(notes.bsd_symtab);
  CHECK(notes.xen_version == "xen-3.0");
  CHECK(notes.guest_os == "linux");
  CHECK(notes.guest_version == "2.6");
  CHECK(notes.loader == "generic");
  CHECK(notes.features.required == 1);
  CHECK(notes.features.supported == 0x8801);
}

TEST_CASE("notes of others, unknown notes and notes that do not matter at boot are tolerated") {
  const XenNotes notes = read(joined({
      note(3, Bytes(octets("build-id")), "GNU"),
      note(XEN_ELFNOTE_ENTRY, Bytes(number(5)), "Xenophon"),
      note(XEN_ELFNOTE_L1_MFN_VALID, Bytes(Octets(16, std::byte{1}))),
      note(19, Bytes(Octets(12))),
      note(0x12345678, "future"),
      note(XEN_ELFNOTE_SUSPEND_CANCEL, Bytes(number(1, 4))),
  }));
  CHECK(notes.all.size() == 4);
  CHECK_FALSE(notes.entry);
  CHECK(note_name(19) == "PHYS32_RELOC");
  CHECK(note_name(0x12345678).empty());
}

TEST_CASE("BSD_SYMTAB wants the word yes, MOD_START_PFN any number but 0; the later of two notes counts") {
  CHECK_FALSE(read(note(XEN_ELFNOTE_BSD_SYMTAB, "no")).bsd_symtab);
  CHECK_FALSE(read(note(XEN_ELFNOTE_MOD_START_PFN, std::uint64_t{0})).mod_start_pfn);
  const XenNotes notes = read(joined({note(XEN_ELFNOTE_ENTRY, 1), note(XEN_ELFNOTE_ENTRY, 2)}));
  CHECK(notes.entry == GuestVirt{2});
}

TEST_CASE("a feature list: required with !, unknown ones ignored unless required") {
  struct Case {
    std::string_view list;
    std::uint64_t supported;
    std::uint64_t required;
    std::string_view unknown;
  };
  const Case cases[] = {
      {"", 0, 0, ""},
      {"writable_page_tables", 1, 0, ""},
      {"!writable_page_tables|auto_translated_physmap", 5, 1, ""},
      {"pae_pgdir_above_4gb|!supervisor_mode_kernel|", 0x18, 8, ""},
      {"|||", 0, 0, ""},
      {"from_the_future|dom0", 0x800, 0, ""},
      {"!from_the_future|!other", 0, 0, "from_the_future"},
      {"!", 0, 0, ""},
      {"writable_page_tables dom0", 0x801, 0, ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.list);
    Features features;
    add_features(features, one.list);
    CHECK(features.supported == one.supported);
    CHECK(features.required == one.required);
    CHECK(features.unknown_required == one.unknown);
  }
  CHECK(feature_name(XENFEAT_dom0) == "dom0");
  CHECK(feature_name(60).empty());
}

TEST_CASE("a note that reaches past its table is corrupt; a few bytes behind the last one are not") {
  const Octets good = note(XEN_ELFNOTE_ENTRY, 7);
  for (std::size_t length = 12; length < good.size(); ++length) {
    XenNotes notes;
    const auto result = add_notes(notes, Bytes(good).first(length));
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Code::corrupt);
  }
  Octets padded = good;
  padded.resize(good.size() + 11);
  CHECK(read(padded).entry == GuestVirt{7});
  for (const std::size_t field : {std::size_t{0}, std::size_t{4}}) {
    XenNotes notes;
    CHECK_FALSE(add_notes(notes, patched(good, field, 0xffffffff, 4)));
    CHECK_FALSE(add_notes(notes, patched(good, field, 0xfffffffd, 4)));
  }
}

TEST_CASE("more notes than a kernel has are refused, not kept") {
  std::vector<Octets> many(max_notes + 1, note(XEN_ELFNOTE_ENTRY, 1));
  XenNotes notes;
  const auto result = add_notes(notes, joined(many));
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Code::too_large);
}

TEST_CASE("the legacy section is a list of NAME=VALUE") {
  constexpr char text[] = "GUEST_OS=netbsd,GUEST_VER=4.99,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,"
                          "ELF_PADDR_OFFSET=0xffffffff80000000,VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x101,"
                          "PAE=yes[extended-cr3],BSD_SYMTAB=yes,FEATURES=writable_page_tables,=,,ODD\0,LOADER=x";
  XenNotes notes;
  read_guest_section(notes, octets(std::string_view(text, sizeof(text))));
  CHECK(notes.guest_os == "netbsd");
  CHECK(notes.guest_version == "4.99");
  CHECK(notes.xen_version == "xen-3.0");
  CHECK(notes.loader == "generic");
  CHECK(notes.virt_base == GuestVirt{linux_base});
  CHECK(notes.paddr_offset == linux_base);
  CHECK(notes.entry == GuestVirt{linux_base + 0x100000});
  CHECK(notes.hypercall_page_number == 0x101);
  CHECK(notes.bsd_symtab);
  CHECK(notes.features.supported == 1);
}
