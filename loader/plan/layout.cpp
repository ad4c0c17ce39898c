#include "loader/plan/layout.hpp"

#include "base/checked.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace pvboot::plan {

namespace {

using xen::FrameRange;
using xen::TableCounts;

// Bits of an address below the span that one table of a level maps.
constexpr unsigned span_bits_l1 = 21, span_bits_l2 = 30, span_bits_l3 = 39;

constexpr std::uint64_t xen_end = 0xffff880000000000; // of L4 slots 256 to 271, the first of the high half
constexpr std::uint64_t low_half_end = 0x0000800000000000;

constexpr std::uint64_t most_pages = std::uint64_t{1} << 40; // 4 PiB: sums of a few parts do not wrap
constexpr std::uint64_t region_unit_bits = 22;
constexpr std::uint64_t spare_frames = 128;            // 512 KiB stay free after the stack
constexpr std::uint64_t linux_initrd_limit = 0x100000; // PFN; Linux keeps the address in 32 bits
constexpr std::uint64_t linux_p2m_limit = 0x40000;     // PFN
constexpr std::size_t max_command_line = 1023;         // start_info has 1,024 bytes with the NUL
constexpr std::uint64_t symbols_alignment = 8;         // of an ELF64 file's words

std::unexpected<Error> refuse(const char* why) { return fail(Code::unsupported, why); }
std::unexpected<Error> refuse(const char* why, std::uint64_t where) { return fail(Code::unsupported, why, hex(where)); }

/// How many aligned spans of 2^bits bytes the addresses first to last touch.
constexpr std::uint64_t spans(unsigned bits, std::uint64_t first, std::uint64_t last) {
  return (last >> bits) - (first >> bits) + 1;
}

constexpr TableCounts tables_for(std::uint64_t first, std::uint64_t last) {
  return {spans(span_bits_l3, first, last), spans(span_bits_l2, first, last), spans(span_bits_l1, first, last)};
}

/// The tables of a range below the region that the region's own tables do not already provide.
constexpr TableCounts tables_beside(std::uint64_t first, std::uint64_t last, std::uint64_t region_first) {
  const auto beside = [&](unsigned bits) {
    return spans(bits, first, last) - (last >> bits == region_first >> bits ? 1 : 0);
  };
  return {beside(span_bits_l3), beside(span_bits_l2), beside(span_bits_l1)};
}

constexpr bool canonical_and_ours(std::uint64_t first, std::uint64_t last) {
  const bool low = last < low_half_end;
  const bool high = first >= xen_end;
  return low || high;
}

/// The kernel's span in bytes from PFN 0, segments checked.
struct KernelSpan {
  std::uint64_t first = 0, end = 0;
  std::vector<xen::KernelSegment> segments;
};

Result<KernelSpan> kernel_span(const Target& target, std::uint64_t memory_bytes) {
  const std::uint64_t offset = target.paddr_offset.value_or(0);
  KernelSpan span{~std::uint64_t{0}, 0, {}};
  for (const Target::Segment& s : target.segments) {
    if (s.memory_size == 0)
      continue;
    if (s.physical < offset)
      return refuse("the kernel begins below its VIRT_BASE", s.physical);
    if (s.file_size > s.memory_size)
      return refuse("a segment is larger in the file than in memory", s.physical);
    const std::uint64_t address = s.physical - offset;
    const auto end = checked_add(address, s.memory_size);
    if (!end || !checked_add(s.file_offset, s.file_size))
      return refuse("a segment wraps around the end of the address space", s.physical);
    if (*end > memory_bytes)
      return fail(Code::out_of_memory, "the kernel does not fit into the guest's memory",
                  human_size(*end) + " of " + human_size(memory_bytes));
    span.first = std::min(span.first, address);
    span.end = std::max(span.end, *end);
    span.segments.push_back({s.file_offset, s.file_size, address, s.memory_size});
  }
  if (span.segments.empty())
    return refuse("the kernel has nothing to load");
  if (span.first % page_size != 0)
    return refuse("the kernel does not begin on a page", span.first);
  std::sort(span.segments.begin(), span.segments.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  for (std::size_t i = 1; i < span.segments.size(); ++i)
    if (span.segments[i].address - span.segments[i - 1].address < span.segments[i - 1].memory_size)
      return refuse("two of the kernel's segments overlap in memory", span.segments[i].address + offset);
  return span;
}

/// Hands out the PFNs of the region one after another.
class Placing {
public:
  explicit Placing(Layout& layout) : layout_(layout) {}

  FrameRange mapped(const char* name, std::uint64_t frames, std::uint64_t bytes) {
    const FrameRange range{next_, frames};
    if (frames != 0)
      layout_.elements.push_back({name, layout_.address_of(next_), range, bytes});
    next_ = range.end();
    return range;
  }
  FrameRange mapped_pages(const char* name, std::uint64_t frames) { return mapped(name, frames, frames << page_shift); }
  FrameRange unmapped(const char* name, std::uint64_t frames, std::uint64_t bytes, std::optional<GuestVirt> address) {
    const FrameRange range{next_, frames};
    layout_.elements.push_back({name, address, range, bytes});
    next_ = range.end();
    return range;
  }
  Pfn next() const { return next_; }

private:
  Layout& layout_;
  Pfn next_{};
};

/// The end of the region in frames and the tables that map it. Each depends on the other; both only grow.
Result<void> size_region(Layout& layout, Pfn after_console) {
  const std::uint64_t base = layout.virt_base.value;
  TableCounts tables{1, 1, 1};
  for (;;) {
    const std::uint64_t frames = after_console.value + 1 + tables.total() + 1 + spare_frames;
    const auto x = checked_add(base, frames << page_shift);
    if (!x || (*x >> region_unit_bits) + 1 > (~std::uint64_t{0} >> region_unit_bits))
      return refuse("the kernel's region runs past the end of the address space", base);
    const std::uint64_t end = ((*x >> region_unit_bits) + 1) << region_unit_bits;
    const TableCounts needed = tables_for(base, end - 1);
    layout.region = {Pfn{0}, (end - base) >> page_shift};
    if (layout.region.count > layout.nr_pages)
      return fail(Code::out_of_memory, "the kernel's start-of-day region does not fit into the guest's memory",
                  human_size(layout.region.count << page_shift) + " of " + human_size(layout.nr_pages << page_shift));
    if (!canonical_and_ours(base, end - 1))
      return refuse("the kernel's region reaches into Xen's own addresses", base);
    if (needed == tables) {
      layout.tables = tables;
      return {};
    }
    tables = needed;
  }
}

/// The P2M's own address, or nothing where the list belongs into the region.
Result<std::optional<std::uint64_t>> own_p2m_address(const Target& target, const KernelSpan& kernel,
                                                     std::uint64_t base) {
  if (!target.init_p2m)
    return std::nullopt;
  const std::uint64_t at = *target.init_p2m;
  if (at >= base + kernel.first && at < base + kernel.end)
    return refuse("the P2M's address lies inside the kernel", at);
  if (at % page_size != 0 || at >= base)
    return std::nullopt;
  return at;
}

Result<void> place_own_p2m(Layout& layout, const GuestFacts& guest, std::uint64_t at) {
  const std::uint64_t base = layout.virt_base.value;
  const std::uint64_t bytes = layout.p2m.list_pages << page_shift;
  if (base - at < bytes)
    return refuse("the P2M would run into the kernel's region", at);
  const std::uint64_t last = at + bytes - 1;
  if (!canonical_and_ours(at, last))
    return refuse("the P2M's address is Xen's own", at);

  layout.p2m.address = GuestVirt{at};
  const bool slot_of_its_own = last >> span_bits_l3 != base >> span_bits_l3;
  if (guest.own_p2m && guest.own_p2m->address == at && slot_of_its_own) {
    layout.p2m.way = xen::P2mPlace::Way::handed_on;
    layout.p2m.frames.count = guest.own_p2m->frames;
  } else {
    layout.p2m.way = xen::P2mPlace::Way::rebuilt;
    layout.p2m.tables = tables_beside(at, last, base);
    layout.p2m.frames.count = layout.p2m.list_pages + layout.p2m.tables.total();
  }
  return {};
}

const char* module_name(const Layout& layout) { return layout.multiboot_module ? "modules" : "initrd"; }

/// What lies above the region: an unmapped initrd, then the P2M. Linux wants the P2M below 1 GiB; where an initrd is
/// too large for that, the P2M comes first.
Result<void> place_above(Layout& layout, Placing& place, bool initrd_unmapped) {
  const bool p2m_above = layout.p2m.way != xen::P2mPlace::Way::in_region;
  const auto place_initrd = [&] {
    layout.initrd->frames =
        place.unmapped(module_name(layout), pages_for(layout.initrd->bytes), layout.initrd->bytes, std::nullopt);
  };
  const auto place_p2m = [&] {
    layout.p2m.frames = place.unmapped("P2M and its tables", layout.p2m.frames.count,
                                       layout.p2m.frames.count << page_shift, layout.p2m.address);
  };
  const std::uint64_t after_both =
      place.next().value + (initrd_unmapped ? pages_for(layout.initrd->bytes) : 0) + layout.p2m.frames.count;
  const bool p2m_first = p2m_above && initrd_unmapped && after_both > linux_p2m_limit;

  if (p2m_first)
    place_p2m();
  if (initrd_unmapped)
    place_initrd();
  if (p2m_above && !p2m_first)
    place_p2m();

  if (place.next().value > layout.nr_pages)
    return fail(Code::out_of_memory, "kernel, initrd and P2M do not fit into the guest's memory",
                human_size(place.next().value << page_shift) + " of " + human_size(layout.nr_pages << page_shift));
  if (initrd_unmapped && layout.initrd->frames.end().value > linux_initrd_limit)
    return fail(Code::too_large, "the initrd would end above 4 GiB, where the kernel cannot find it",
                human_size(layout.initrd->bytes));
  return {};
}

Result<void> check_hypercall_page(Layout& layout, std::uint64_t at) {
  const std::uint64_t base = layout.virt_base.value;
  if (at < base || (at - base) >> page_shift >= layout.region.count)
    return refuse("the kernel's hypercall page lies outside its region", at);
  const Pfn page{(at - base) >> page_shift};
  if (page >= layout.kernel.end() && page <= layout.boot_stack)
    return refuse("the kernel's hypercall page lies where its start-of-day pages go", at);
  layout.hypercall_page = page;
  // Which must still be there when the trampoline has run. The padding is 128 pages at least.
  if (page == layout.trampoline)
    layout.trampoline = page - 1;
  return {};
}

} // namespace

Result<Layout> lay_out(const Target& target, const GuestFacts& guest) {
  if (guest.command_line.size() > max_command_line)
    return fail(Code::too_large, "the kernel's command line is longer than 1,023 bytes",
                dec(guest.command_line.size()) + " bytes");
  if (target.paddr_offset && !target.virt_base)
    return refuse("the kernel has a PADDR_OFFSET note without a VIRT_BASE");
  const std::uint64_t base = target.virt_base.value_or(0);
  if (base % page_size != 0)
    return refuse("the kernel's VIRT_BASE is not on a page", base);
  if (guest.nr_pages > most_pages)
    return fail(Code::invalid, "the guest claims more memory than there can be");
  const std::uint64_t memory_bytes = guest.nr_pages << page_shift;
  const KernelSpan kernel = TRY(kernel_span(target, memory_bytes));
  if (!checked_add(base, kernel.end))
    return refuse("the kernel's region runs past the end of the address space", base);
  if (target.entry < base + kernel.first || target.entry >= base + kernel.end)
    return refuse("the kernel's entry lies outside the kernel", target.entry);

  Layout layout;
  layout.nr_pages = guest.nr_pages;
  layout.virt_base = GuestVirt{base};
  layout.entry = GuestVirt{target.entry};
  layout.segments = kernel.segments;
  layout.multiboot_module = guest.multiboot_module;
  layout.command_line = guest.command_line;
  layout.p2m.list_pages = pages_for(guest.nr_pages * sizeof(std::uint64_t));

  std::uint64_t kernel_end = kernel.end;
  if (target.symbols_bytes != 0) {
    layout.symbols_at = align_up(kernel.end, symbols_alignment);
    layout.symbols_bytes = target.symbols_bytes;
    const auto end = checked_add(*layout.symbols_at, target.symbols_bytes);
    if (!end || *end > memory_bytes)
      return fail(Code::out_of_memory, "the kernel's symbol table does not fit into the guest's memory");
    kernel_end = *end;
  }

  const auto p2m_address = TRY(own_p2m_address(target, kernel, base));
  if (p2m_address)
    TRY(place_own_p2m(layout, guest, *p2m_address));

  Placing place(layout);
  place.mapped_pages("padding", kernel.first >> page_shift);
  layout.kernel =
      place.mapped("kernel", pages_for(kernel_end) - (kernel.first >> page_shift), kernel_end - kernel.first);

  const std::uint64_t initrd_bytes = guest.initrd_bytes.value_or(0);
  if (pages_for(initrd_bytes) > guest.nr_pages)
    return fail(Code::out_of_memory, "the initrd does not fit into the guest's memory",
                human_size(initrd_bytes) + " of " + human_size(memory_bytes));
  const bool initrd_unmapped = initrd_bytes != 0 && target.mod_start_pfn;
  if (initrd_bytes != 0)
    layout.initrd.emplace(xen::InitrdPlace{initrd_bytes, {}, std::nullopt});
  if (initrd_bytes != 0 && !initrd_unmapped) {
    layout.initrd->address = layout.address_of(place.next());
    layout.initrd->frames = place.mapped(module_name(layout), pages_for(initrd_bytes), initrd_bytes);
  }
  if (!p2m_address) {
    layout.p2m.address = layout.address_of(place.next());
    layout.p2m.frames = place.mapped("P2M", layout.p2m.list_pages, guest.nr_pages * sizeof(std::uint64_t));
  }
  layout.start_info = place.mapped_pages("start_info", 1).first;
  layout.store = place.mapped_pages("xenstore page", 1).first;
  layout.console = place.mapped_pages("console page", 1).first;
  TRY(size_region(layout, place.next()));
  layout.page_tables = place.mapped_pages("page tables", 1 + layout.tables.total());
  layout.boot_stack = place.mapped_pages("boot stack", 1).first;
  place.mapped_pages("padding", layout.region.end() - place.next());
  layout.trampoline = layout.region.end() - 1;

  TRY(place_above(layout, place, initrd_unmapped));
  if (target.hypercall_page)
    TRY(check_hypercall_page(layout, *target.hypercall_page));
  return layout;
}

} // namespace pvboot::plan
