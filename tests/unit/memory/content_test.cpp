// Pure pieces of the handover: which pages of a kernel are renamed, start_info, hypercall page, reset.
#include "base/text.hpp"
#include "xen/memory/kernel_pages.hpp"
#include "xen/memory/target_content.hpp"
#include "xen/memory/vcpu_reset.hpp"

#include <catch2/catch.hpp>

#include <cstring>

using namespace pvboot;
using xen::FilePart;
using xen::FrameRange;
using xen::KernelSegment;
using xen::sort_kernel_pages;
using xen::StartOfDay;
using xen::WholePages;

namespace {

StartOfDay kernel_of(std::vector<KernelSegment> segments, std::uint64_t first, std::uint64_t pages) {
  StartOfDay layout;
  layout.kernel = {Pfn{first}, pages};
  layout.segments = std::move(segments);
  return layout;
}

} // namespace

TEST_CASE("Whole pages of the file are renamed, edges and BSS are composed") {
  struct Row {
    const char* what;
    std::vector<KernelSegment> segments;
    std::uint64_t pages; ///< of the kernel from PFN 16
    std::vector<WholePages> whole;
    std::vector<FrameRange> composed;
    std::vector<FilePart> parts;
  };
  const Row rows[] = {
      {"a segment of whole pages", {{0x1000, 0x3000, 0x10000, 0x3000}}, 3, {{1, Pfn{16}, 3}}, {}, {}},
      {"one that ends inside a page",
       {{0x1000, 0x2010, 0x10000, 0x5000}},
       5,
       {{1, Pfn{16}, 2}},
       {{Pfn{18}, 3}},
       {{0x3000, 0x12000, 0x10}}},
      {"one that begins inside a page",
       {{0x1800, 0x2800, 0x10800, 0x2800}},
       3,
       {{2, Pfn{17}, 2}},
       {{Pfn{16}, 1}},
       {{0x1800, 0x10800, 0x800}}},
      {"one whose bytes lie otherwise in the file",
       {{0x1001, 0x2000, 0x10000, 0x2000}},
       2,
       {},
       {{Pfn{16}, 2}},
       {{0x1001, 0x10000, 0x2000}}},
      {"one that is all BSS", {{0x1000, 0, 0x10000, 0x2000}}, 2, {}, {{Pfn{16}, 2}}, {}},
      {"two that share a page",
       {{0x1000, 0x1800, 0x10000, 0x1800}, {0x2800, 0x1800, 0x11800, 0x1800}},
       3,
       {{1, Pfn{16}, 1}, {3, Pfn{18}, 1}},
       {{Pfn{17}, 1}},
       {{0x2000, 0x11000, 0x800}, {0x2800, 0x11800, 0x800}}},
      {"two that name the same bytes of the file",
       {{0x1000, 0x1000, 0x10000, 0x1000}, {0x1000, 0x1000, 0x12000, 0x1000}},
       3,
       {{1, Pfn{16}, 1}},
       {{Pfn{17}, 2}},
       {{0x1000, 0x12000, 0x1000}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto pages = sort_kernel_pages(kernel_of(row.segments, 16, row.pages));
    CHECK(pages.whole == row.whole);
    CHECK(pages.composed == row.composed);
    CHECK(pages.parts == row.parts);
  }
}

TEST_CASE("start_info passes on what is the domain's and computes the rest") {
  start_info_t incoming{};
  incoming.flags = SIF_PRIVILEGED | SIF_MULTIBOOT_MOD | SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS;
  incoming.shared_info = 0x12345000;
  incoming.store_mfn = 11;
  incoming.store_evtchn = 12;
  incoming.console.domU.mfn = 13;
  incoming.console.domU.evtchn = 14;
  incoming.first_p2m_pfn = 99;
  StartOfDay layout;
  layout.nr_pages = 4096;
  layout.virt_base = GuestVirt{0x100000};
  layout.page_tables = {Pfn{20}, 5};
  layout.p2m.address = GuestVirt{0x110000};
  layout.command_line = "a b";

  start_info_t info = compose_start_info(layout, incoming);
  CHECK(std::string(info.magic) == "xen-3.0-x86_64");
  CHECK(info.flags == (SIF_PRIVILEGED | SIF_VIRT_P2M_4TOOLS));
  CHECK(info.nr_pages == 4096);
  CHECK(info.shared_info == 0x12345000);
  CHECK(info.store_mfn == 11);
  CHECK(info.store_evtchn == 12);
  CHECK(info.console.domU.mfn == 13);
  CHECK(info.console.domU.evtchn == 14);
  CHECK(info.pt_base == 0x114000);
  CHECK(info.nr_pt_frames == 5);
  CHECK(info.mfn_list == 0x110000);
  CHECK(info.mod_start == 0);
  CHECK(info.mod_len == 0);
  CHECK(std::string(reinterpret_cast<const char*>(info.cmd_line)) == "a b");
  CHECK(info.first_p2m_pfn == 0);
  CHECK(info.nr_p2m_frames == 0);

  layout.initrd = xen::InitrdPlace{777, {Pfn{50}, 1}, std::nullopt};
  layout.p2m = {xen::P2mPlace::Way::rebuilt, GuestVirt{0x8000000000}, {Pfn{60}, 11}, 8, {1, 1, 1}};
  layout.command_line.assign(2000, 'x');
  info = compose_start_info(layout, incoming);
  CHECK(info.flags == (SIF_PRIVILEGED | SIF_VIRT_P2M_4TOOLS | SIF_MOD_START_PFN));
  CHECK(info.mod_start == 50);
  CHECK(info.mod_len == 777);
  CHECK(info.first_p2m_pfn == 60);
  CHECK(info.nr_p2m_frames == 11);
  CHECK(std::strlen(reinterpret_cast<const char*>(info.cmd_line)) == 1023);

  layout.initrd->address = GuestVirt{0x120000};
  layout.multiboot_module = true;
  info = compose_start_info(layout, incoming);
  CHECK(info.mod_start == 0x120000);
  CHECK(info.flags == (SIF_PRIVILEGED | SIF_VIRT_P2M_4TOOLS | SIF_MULTIBOOT_MOD));
}

TEST_CASE("Every stub of the hypercall page makes its own call") {
  const auto page = xen::compose_hypercall_page();
  for (unsigned number = 0; number < 128; ++number) {
    CAPTURE(number);
    const auto* stub = reinterpret_cast<const unsigned char*>(page.data()) + number * 32;
    const auto is = [&](std::initializer_list<unsigned> bytes) { return std::equal(bytes.begin(), bytes.end(), stub); };
    if (number == __HYPERVISOR_iret)
      CHECK(is({0x51, 0x41, 0x53, 0x50, 0xb8, number, 0, 0, 0, 0x0f, 0x05}));
    else
      CHECK(is({0x51, 0x41, 0x53, 0xb8, number, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3}));
  }
}

namespace {

/// A step with all that it asks of Xen, in words.
struct InWords {
  std::string operator()(const xen::SetTimer& s) const { return "timer " + dec(s.deadline); }
  std::string operator()(const xen::RegisterCallback& s) const {
    return "callback " + dec(s.arg.type) + ": " + hex(s.arg.address) + ", flags " + dec(s.arg.flags);
  }
  std::string operator()(const xen::SetTrapTable& s) const { return s.table == nullptr ? "no traps" : "traps"; }
  std::string operator()(const xen::SetGdt& s) const {
    return "GDT of " + dec(s.entries) + (s.frames == nullptr ? " in no frames" : "");
  }
  std::string operator()(const xen::MmuExt& s) const {
    const auto* ldt = std::get_if<xen::SetLdt>(&s);
    return ldt == nullptr ? "another mmuext_op" : "LDT of " + dec(ldt->entries) + " at " + hex(ldt->base.value);
  }
  std::string operator()(const xen::SetDebugreg& s) const { return "DR" + dec(s.reg) + " = " + hex(s.value); }
  std::string operator()(const xen::SetIopl& s) const { return "IOPL " + dec(s.arg.iopl); }
  std::string operator()(const xen::VmAssist& s) const {
    return std::string(s.enable ? "" : "no ") + "assist " + dec(static_cast<unsigned>(s.type));
  }
  std::string operator()(const xen::StackSwitch& s) const { return "stack " + hex(s.ss) + ":" + hex(s.sp.value); }
  std::string operator()(const xen::FpuTaskswitch& s) const { return s.set ? "CR0.TS" : "no CR0.TS"; }
};

} // namespace

TEST_CASE("The reset takes every step of the table, and no other") {
  std::vector<std::string> steps;
  for (const xen::ResetStep& step : xen::vcpu_reset_steps(GuestVirt{0x9000}))
    steps.push_back(std::visit(InWords{}, step));
  std::vector<std::string> table = {
      "timer 0",   "no traps",  "GDT of 0 in no frames", "LDT of 0 at 0x0", "DR0 = 0x0", "DR1 = 0x0",
      "DR2 = 0x0", "DR3 = 0x0", "DR6 = 0xffff0ff0",      "DR7 = 0x400",     "IOPL 0",    "stack 0xe02b:0x9000",
      "no CR0.TS"};
  for (const unsigned type :
       {CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall, CALLBACKTYPE_sysenter, CALLBACKTYPE_syscall32})
    table.push_back("callback " + dec(type) + ": 0x0, flags 0");
  for (const unsigned type : {VMASST_TYPE_4gb_segments, VMASST_TYPE_4gb_segments_notify,
                              VMASST_TYPE_writable_pagetables, VMASST_TYPE_pae_extended_cr3,
                              VMASST_TYPE_architectural_iopl, VMASST_TYPE_runstate_update_flag, VMASST_TYPE_m2p_strict})
    table.push_back("no assist " + dec(type));
  CHECK_THAT(steps, Catch::UnorderedEquals(table));
}
