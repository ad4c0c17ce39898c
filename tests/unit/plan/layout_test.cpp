#include "loader/plan/layout.hpp"

#include "base/text.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using plan::GuestFacts;
using plan::lay_out;
using plan::Layout;
using plan::Target;
using xen::FrameRange;
using xen::P2mPlace;
using xen::TableCounts;

namespace {

// Debian's 6.1 vmlinux: readelf -lW.
Target debian_kernel() {
  Target target;
  target.virt_base = 0xffffffff80000000;
  target.paddr_offset = 0;
  target.entry = 0xffffffff83079000;
  target.init_p2m = 0x8000000000;
  target.mod_start_pfn = true;
  target.segments = {{0x1000000, 0x200000, 0x18ea9f0, 0x18ea9f0},
                     {0x2a00000, 0x1c00000, 0x644000, 0x644000},
                     {0x3044000, 0x2400000, 0x035000, 0x035000},
                     {0x3079000, 0x2479000, 0x1987000, 0x1987000}};
  return target;
}

// The smallest kernel: one page at PFN 1, its list in the region.
Target small_kernel() {
  Target target;
  target.virt_base = 0;
  target.entry = 0x1000;
  target.segments = {{0x1000, 0x1000, 0x10, 0x1000}};
  return target;
}

GuestFacts guest_of(std::uint64_t mebibytes) {
  GuestFacts guest;
  guest.nr_pages = mebibytes << 8;
  guest.command_line = "ro";
  return guest;
}

FrameRange frames(std::uint64_t first, std::uint64_t count) { return {Pfn{first}, count}; }

} // namespace

TEST_CASE("A Debian kernel with an unmapped initrd lies as Xen's own builder puts it") {
  GuestFacts guest = guest_of(512);
  guest.initrd_bytes = 332358;
  const auto layout = lay_out(debian_kernel(), guest);
  REQUIRE(layout);
  CHECK(layout->kernel == frames(0x1000, 0x3a00));
  CHECK(layout->start_info == Pfn{0x4a00});
  CHECK(layout->store == Pfn{0x4a01});
  CHECK(layout->console == Pfn{0x4a02});
  // 76 MiB are 38 L1s; with L2, L3 and L4 41 tables.
  CHECK(layout->tables == TableCounts{1, 1, 38});
  CHECK(layout->page_tables == frames(0x4a03, 41));
  CHECK(layout->boot_stack == Pfn{0x4a2c});
  CHECK(layout->region == frames(0, 0x4c00));
  REQUIRE(layout->initrd);
  CHECK(layout->initrd->frames == frames(0x4c00, 82));
  CHECK_FALSE(layout->initrd->address);
  // 131,072 pages are 256 pages of list; L3, L2 and L1 map them.
  CHECK(layout->p2m.way == P2mPlace::Way::rebuilt);
  CHECK(layout->p2m.frames == frames(0x4c52, 256 + 3));
  CHECK(layout->p2m.tables == TableCounts{1, 1, 1});
  CHECK(layout->trampoline == Pfn{0x4bff});
}

TEST_CASE("The smallest kernel's region is worked out by hand") {
  const auto layout = lay_out(small_kernel(), guest_of(16));
  REQUIRE(layout);
  CHECK(layout->kernel == frames(1, 1));
  CHECK(layout->p2m.way == P2mPlace::Way::in_region);
  CHECK(layout->p2m.frames == frames(2, 8)); // 4,096 pages
  CHECK(layout->p2m.address == GuestVirt{0x2000});
  CHECK(layout->start_info == Pfn{10});
  CHECK(layout->console == Pfn{12});
  CHECK(layout->page_tables == frames(13, 5)); // L4, L3, L2, and two L1s for 4 MiB
  CHECK(layout->boot_stack == Pfn{18});
  CHECK(layout->region == frames(0, 1024));
}

TEST_CASE("The region ends on the next 4 MiB boundary that leaves 512 KiB free") {
  struct Row {
    std::uint64_t kernel_pages, region_pages;
  };
  // kernel from PFN 0, P2M of 32 pages, three pages, tables, stack, 128 spare: x = pages + 32 + 3 + tables + 129
  const Row row = GENERATE(Row{1, 1024}, Row{1024 - 170, 1024}, // x = 1023: 5 tables, just inside
                           Row{1024 - 169, 2048},               // x = 1024: the boundary itself goes on
                           Row{2048 - 172, 2048},               // 7 tables
                           Row{2048 - 171, 3072});
  Target target = small_kernel();
  target.entry = 0;
  target.segments = {{0, 0x1000, 0x10, row.kernel_pages * page_size}};
  const auto layout = lay_out(target, guest_of(64));
  REQUIRE(layout);
  CAPTURE(row.kernel_pages);
  CHECK(layout->region.count == row.region_pages);
  CHECK(layout->region.end() - (layout->boot_stack + 1) >= 128);
}

TEST_CASE("A base that is not on a table's boundary needs the tables on both sides") {
  Target target = small_kernel();
  target.virt_base = 0x7fffe00000; // 2 MiB below the end of the first L4 slot
  target.entry = 0x7fffe01000;
  target.segments[0].memory_size = 512 * page_size;
  const auto layout = lay_out(target, guest_of(16));
  REQUIRE(layout);
  CHECK(layout->tables == TableCounts{2, 2, 3});
  CHECK(layout->region.count == 1536); // up to the 4 MiB boundary: 6 MiB from the base on
}

TEST_CASE("The P2M goes on, is rebuilt, or becomes part of the region") {
  GuestFacts guest = guest_of(512);
  guest.own_p2m = plan::OwnP2m{0x8000000000, 260};
  Target target = debian_kernel();
  SECTION("ours is where the kernel wants it: list and tables, however many they are") {
    const auto layout = lay_out(target, guest);
    REQUIRE(layout);
    CHECK(layout->p2m.way == P2mPlace::Way::handed_on);
    CHECK(layout->p2m.frames == frames(0x4c00, 260));
    CHECK(layout->p2m.tables.total() == 0);
  }
  SECTION("another address") {
    target.init_p2m = 0x7f0000000000;
    const auto layout = lay_out(target, guest);
    REQUIRE(layout);
    CHECK(layout->p2m.way == P2mPlace::Way::rebuilt);
    CHECK(layout->p2m.frames == frames(0x4c00, 259));
  }
  SECTION("in the same L4 slot as the region, whose L3 serves both") {
    target.init_p2m = 0xffffffff40000000;
    const auto layout = lay_out(target, guest);
    REQUIRE(layout);
    CHECK(layout->p2m.way == P2mPlace::Way::rebuilt);
    CHECK(layout->p2m.tables == TableCounts{0, 1, 1});
  }
  SECTION("an address that is not a page's, or not below the region, is not meant") {
    target.init_p2m = GENERATE(0x8000000001, 0xffffffffc0000000);
    const auto layout = lay_out(target, guest);
    REQUIRE(layout);
    CHECK(layout->p2m.way == P2mPlace::Way::in_region);
    CHECK(layout->p2m.frames == frames(0x4a00, 256));
  }
}

TEST_CASE("Above an initrd that takes it past 1 GiB, the P2M comes first") {
  GuestFacts guest = guest_of(4096);
  guest.initrd_bytes = 1_GiB;
  const auto layout = lay_out(debian_kernel(), guest);
  REQUIRE(layout);
  CHECK(layout->p2m.frames.first == layout->region.end());
  CHECK(layout->initrd->frames.first == layout->p2m.frames.end());
}

TEST_CASE("An unmapped initrd may end where Linux's 32 bits end, exact to the byte") {
  // 16 GiB: a list of 8,192 pages with 17 tables comes before it.
  const std::uint64_t first = 0x4c00 + 8192 + 18;
  GuestFacts guest = guest_of(16384);
  for (const std::uint64_t bytes :
       {1_GiB, 1_GiB + 1, 2_GiB + 4095, (0x100000 - first) << 12, ((0x100000 - first) << 12) - 1}) {
    CAPTURE(bytes);
    guest.initrd_bytes = bytes;
    const auto layout = lay_out(debian_kernel(), guest);
    REQUIRE(layout);
    CHECK(layout->p2m.frames == frames(0x4c00, first - 0x4c00));
    CHECK(layout->initrd->frames == frames(first, pages_for(bytes)));
    CHECK(layout->initrd->bytes == bytes);
    CHECK(!layout->initrd->address);
  }
  guest.initrd_bytes = ((0x100000 - first) << 12) + 1;
  CHECK(lay_out(debian_kernel(), guest).error().code() == Code::too_large);
}

TEST_CASE("An initrd just small enough leaves the P2M its place above, below 1 GiB") {
  GuestFacts guest = guest_of(1024);
  const std::uint64_t list = 512 + 1 + 1 + 1; // its pages, and one table of each level
  for (const bool too_large : {false, true}) {
    guest.initrd_bytes = ((0x40000 - list - 0x4c00) << 12) + (too_large ? 1 : 0);
    const auto layout = lay_out(debian_kernel(), guest);
    CHECK(layout.has_value() == !too_large); // 1,024 MiB have not one page more
    if (layout)
      CHECK(layout->p2m.frames.end() == Pfn{0x40000});
  }
  guest.nr_pages = 0x40200;
  const auto layout = lay_out(debian_kernel(), guest);
  REQUIRE(layout);
  CHECK(layout->p2m.frames.first == Pfn{0x4c00});
}

TEST_CASE("A mapped initrd may be as large as the addresses behind its kernel") {
  Target target = small_kernel();
  GuestFacts guest = guest_of(8192);
  guest.initrd_bytes = 5_GiB + 1;
  const auto layout = lay_out(target, guest);
  REQUIRE(layout);
  CHECK(layout->initrd->frames == frames(2, (5_GiB >> 12) + 1));
  CHECK(layout->initrd->address == GuestVirt{0x2000});
  Target high = debian_kernel();
  high.mod_start_pfn = false;
  guest.initrd_bytes = 1_GiB;
  REQUIRE(lay_out(high, guest));
  guest.initrd_bytes = 2_GiB;
  CHECK_THAT(lay_out(high, guest).error().text(), Catch::Contains("past the end"));
}

TEST_CASE("Modules are laid out like an initrd, under their own name") {
  for (const bool by_pfn : {false, true}) {
    Target target = debian_kernel();
    target.mod_start_pfn = by_pfn;
    GuestFacts guest = guest_of(512);
    guest.initrd_bytes = 5000;
    guest.multiboot_module = true;
    const auto layout = lay_out(target, guest);
    REQUIRE(layout);
    CHECK(layout->multiboot_module);
    CHECK(layout->initrd->address.has_value() == !by_pfn);
    std::size_t named = 0;
    for (const auto& element : layout->elements)
      named += element.name == "modules" && element.bytes == 5000;
    CHECK(named == 1);
  }
}

TEST_CASE("A kernel without MOD_START_PFN gets its initrd mapped behind it") {
  Target target = small_kernel();
  GuestFacts guest = guest_of(16);
  guest.initrd_bytes = 4097;
  const auto layout = lay_out(target, guest);
  REQUIRE(layout);
  CHECK(layout->initrd->frames == frames(2, 2));
  CHECK(layout->initrd->address == GuestVirt{0x2000});
  CHECK(layout->p2m.frames.first == Pfn{4});
}

TEST_CASE("PADDR_OFFSET moves the kernel, not its addresses") {
  Target target = small_kernel();
  target.virt_base = 0x100000000000;
  target.paddr_offset = 0x400000;
  target.entry = 0x100000001000;
  target.segments[0].physical = 0x401000;
  const auto layout = lay_out(target, guest_of(16));
  REQUIRE(layout);
  CHECK(layout->kernel.first == Pfn{1});
  CHECK(layout->segments[0].address == 0x1000);
}

TEST_CASE("A BSD symbol table lies 8-aligned behind the last segment") {
  Target target = small_kernel();
  target.segments[0].memory_size = 0x1003;
  target.symbols_bytes = 0x1000;
  const auto layout = lay_out(target, guest_of(16));
  REQUIRE(layout);
  CHECK(layout->symbols_at == 0x2008);
  CHECK(layout->kernel == frames(1, 3));
}

TEST_CASE("The trampoline makes room for a hypercall page at the end of the region") {
  Target target = small_kernel();
  const auto usual = lay_out(target, guest_of(16));
  REQUIRE(usual);
  CHECK(usual->trampoline == usual->region.end() - 1);
  target.hypercall_page = usual->address_of(usual->trampoline).value;
  const auto layout = lay_out(target, guest_of(16));
  REQUIRE(layout);
  CHECK(layout->hypercall_page == usual->trampoline);
  CHECK(layout->trampoline == usual->trampoline - 1);
}

TEST_CASE("The elements cover the region without a gap and in order") {
  GuestFacts guest = guest_of(512);
  guest.initrd_bytes = 10000;
  const auto layout = lay_out(debian_kernel(), guest);
  REQUIRE(layout);
  Pfn next{0};
  for (const auto& element : layout->elements) {
    CAPTURE(element.name);
    CHECK(element.frames.first == next);
    if (element.address && layout->region.contains(element.frames.first))
      CHECK(*element.address == layout->address_of(next));
    next = element.frames.end();
  }
  CHECK(next == layout->p2m.frames.end());
}

namespace {

struct Refusal {
  const char* what;
  void (*change)(Target&, GuestFacts&);
  Code code;
  const char* reason; ///< a part of the message
};

const Refusal refusals[] = {
    {"a command line of 1,024 bytes", [](Target&, GuestFacts& g) { g.command_line.assign(1024, 'x'); }, Code::too_large,
     "1,023"},
    {"PADDR_OFFSET without VIRT_BASE",
     [](Target& t, GuestFacts&) {
       t.virt_base.reset();
       t.paddr_offset = 0;
     },
     Code::unsupported, "PADDR_OFFSET"},
    {"a VIRT_BASE inside a page", [](Target& t, GuestFacts&) { t.virt_base = 0xffffffff80000800; }, Code::unsupported,
     "VIRT_BASE is not on a page"},
    {"a kernel start inside a page",
     [](Target& t, GuestFacts&) {
       t.segments[0].physical += 0x10;
       t.segments[0].memory_size = 0x1000;
       t.segments[0].file_size = 0x1000;
     },
     Code::unsupported, "begin on a page"},
    {"an entry before the kernel", [](Target& t, GuestFacts&) { t.entry = 0xffffffff80fff000; }, Code::unsupported,
     "entry"},
    {"an entry after the kernel", [](Target& t, GuestFacts&) { t.entry = 0xffffffff84a00000; }, Code::unsupported,
     "entry"},
    {"a kernel below PADDR_OFFSET", [](Target& t, GuestFacts&) { t.paddr_offset = 0x2000000; }, Code::unsupported,
     "below its VIRT_BASE"},
    {"no segment", [](Target& t, GuestFacts&) { t.segments.clear(); }, Code::unsupported, "nothing to load"},
    {"more file than memory", [](Target& t, GuestFacts&) { t.segments[1].file_size += 1; }, Code::unsupported,
     "larger in the file"},
    {"a segment that wraps", [](Target& t, GuestFacts&) { t.segments[3].memory_size = ~std::uint64_t{0}; },
     Code::unsupported, "wraps"},
    {"a file offset that wraps", [](Target& t, GuestFacts&) { t.segments[3].file_offset = ~std::uint64_t{0}; },
     Code::unsupported, "wraps"},
    {"segments that overlap", [](Target& t, GuestFacts&) { t.segments[1].physical = 0x1001000; }, Code::unsupported,
     "overlap"},
    {"a P2M inside the kernel", [](Target& t, GuestFacts&) { t.init_p2m = 0xffffffff82000000; }, Code::unsupported,
     "inside the kernel"},
    {"a P2M that runs into the region", [](Target& t, GuestFacts&) { t.init_p2m = 0xffffffff7ffff000; },
     Code::unsupported, "run into"},
    {"a P2M among Xen's addresses", [](Target& t, GuestFacts&) { t.init_p2m = 0xffff800000000000; }, Code::unsupported,
     "Xen's own"},
    {"a region among Xen's addresses",
     [](Target& t, GuestFacts&) {
       t.virt_base = 0xffff800000000000;
       t.entry = 0xffff800001000000;
     },
     Code::unsupported, "Xen's own"},
    {"a region in the addresses that do not exist",
     [](Target& t, GuestFacts&) {
       t.virt_base = 0x800000000000;
       t.entry = 0x800001000000;
     },
     Code::unsupported, "Xen's own"},
    {"a region past the end of all addresses",
     [](Target& t, GuestFacts&) {
       t.virt_base = 0xffffffffff000000;
       t.entry = 0;
     },
     Code::unsupported, "past the end"},
    {"a hypercall page before the region", [](Target& t, GuestFacts&) { t.hypercall_page = 0xffffffff7ffff000; },
     Code::unsupported, "hypercall page"},
    {"a hypercall page after the region", [](Target& t, GuestFacts&) { t.hypercall_page = 0xffffffff84c00000; },
     Code::unsupported, "hypercall page"},
    {"a hypercall page on start_info", [](Target& t, GuestFacts&) { t.hypercall_page = 0xffffffff84a00000; },
     Code::unsupported, "hypercall page"},
    {"a kernel larger than memory", [](Target&, GuestFacts& g) { g.nr_pages = 0x4000; }, Code::out_of_memory,
     "kernel does not fit"},
    {"a region larger than memory", [](Target&, GuestFacts& g) { g.nr_pages = 0x4bff; }, Code::out_of_memory,
     "region does not fit"},
    {"an initrd larger than memory", [](Target&, GuestFacts& g) { g.initrd_bytes = 1_GiB; }, Code::out_of_memory,
     "initrd does not fit"},
    {"an initrd of absurd size", [](Target&, GuestFacts& g) { g.initrd_bytes = ~std::uint64_t{0}; },
     Code::out_of_memory, "initrd does not fit"},
    {"an initrd that leaves no room for the P2M",
     [](Target&, GuestFacts& g) { g.initrd_bytes = (0x20000 - 0x4c00) << 12; }, Code::out_of_memory, "do not fit"},
    {"an initrd that ends above 4 GiB",
     [](Target&, GuestFacts& g) {
       g.nr_pages = 0x400000;
       g.initrd_bytes = 4_GiB;
     },
     Code::too_large, "above 4 GiB"},
    {"more memory than addresses have room for", [](Target&, GuestFacts& g) { g.nr_pages = std::uint64_t{1} << 41; },
     Code::invalid, "more memory"},
    {"a symbol table larger than memory", [](Target& t, GuestFacts&) { t.symbols_bytes = ~std::uint64_t{0}; },
     Code::out_of_memory, "symbol table"},
};

} // namespace

TEST_CASE("What cannot be started is refused, with the reason") {
  for (const Refusal& row : refusals) {
    CAPTURE(row.what);
    Target target = debian_kernel();
    GuestFacts guest = guest_of(512);
    REQUIRE(lay_out(target, guest));
    row.change(target, guest);
    const auto layout = lay_out(target, guest);
    CHECK_FALSE(layout);
    if (!layout) {
      CHECK(name(layout.error().code()) == name(row.code));
      CHECK_THAT(layout.error().text(), Catch::Contains(row.reason));
    }
  }
}
