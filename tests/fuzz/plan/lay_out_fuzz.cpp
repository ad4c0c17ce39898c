// Any kernel in any guest: lay_out() refuses it, or makes a layout that keeps what its headers promise. The input
// chooses the numbers, mostly near those where something changes.
#include "base/units.hpp"
#include "loader/plan/layout.hpp"
#include "tests/fuzz/script.hpp"

#include <algorithm>

using namespace pvboot;
using plan::GuestFacts;
using plan::Layout;
using plan::Target;
using xen::FrameRange;
using xen::P2mPlace;

namespace {

constexpr std::uint64_t edges[] = {
    0,
    1,
    8,
    page_size,
    1_MiB,
    2_MiB,
    4_MiB,
    16_MiB,
    1_GiB,
    4_GiB,
    0x7fffe00000,
    0x8000000000,
    0x7fffffc00000,
    0x800000000000,
    0xffff800000000000,
    0xffff880000000000,
    0xffffffff00000000,
    0xffffffff80000000,
    0xffffffffff000000,
    ~std::uint64_t{0} - page_size + 1,
    ~std::uint64_t{0},
};

/// Near an edge in bytes, pages or 4 MiB; small; or anything.
std::uint64_t size_or_address(Script& script) {
  const std::uint8_t how = script.byte();
  const std::uint64_t edge = script.one_of(edges);
  const std::uint64_t by = static_cast<std::uint64_t>(static_cast<std::int8_t>(script.byte()));
  switch (how % 6) {
  case 0: return edge + by * page_size;
  case 1: return edge + by;
  case 2: return edge + by * 4_MiB;
  case 3: return script.number<std::uint16_t>() * page_size;
  case 4: return script.number<std::uint32_t>();
  default: return script.number<std::uint64_t>();
  }
}

std::optional<std::uint64_t> perhaps(Script& script) {
  if (!script.flag())
    return std::nullopt;
  return size_or_address(script);
}

Target choose_target(Script& script) {
  Target target;
  target.virt_base = perhaps(script);
  target.paddr_offset = perhaps(script);
  const std::uint64_t base = target.virt_base.value_or(0);
  std::uint64_t at = target.paddr_offset.value_or(0) + script.number<std::uint16_t>() * page_size;
  const std::uint64_t first = at;
  for (unsigned left = script.byte() % 6; left != 0; --left) {
    Target::Segment segment{.physical = script.byte() % 8 == 1 ? size_or_address(script) : at,
                            .file_offset = size_or_address(script),
                            .memory_size = size_or_address(script)};
    segment.file_size = script.byte() % 8 == 1 ? size_or_address(script) : segment.memory_size / 2;
    at = segment.physical + segment.memory_size + script.byte();
    target.segments.push_back(segment);
  }
  target.entry =
      script.byte() % 8 == 1 ? size_or_address(script) : base + first - target.paddr_offset.value_or(0) + script.byte();
  if (script.flag())
    target.hypercall_page = script.flag() ? size_or_address(script) : base + size_or_address(script);
  if (script.flag())
    target.init_p2m = script.flag() ? size_or_address(script) : base - size_or_address(script);
  target.mod_start_pfn = script.flag();
  if (script.flag())
    target.symbols_bytes = size_or_address(script);
  return target;
}

GuestFacts choose_guest(Script& script, const Target& target) {
  GuestFacts guest;
  guest.nr_pages = script.flag() ? size_or_address(script) : size_or_address(script) >> page_shift;
  guest.initrd_bytes = perhaps(script);
  guest.command_line.assign(script.flag() ? script.number<std::uint16_t>() % 1100 : 7, 'x');
  guest.multiboot_module = script.flag();
  // What we say of ourselves is true: our list has a word for each page, and some tables.
  if (script.flag())
    guest.own_p2m = plan::OwnP2m{script.flag() ? size_or_address(script) : target.init_p2m.value_or(0),
                                 pages_for(guest.nr_pages * sizeof(std::uint64_t)) + script.number<std::uint16_t>()};
  return guest;
}

void check_elements(const Layout& layout) {
  Pfn next{0};
  for (const xen::LayoutElement& element : layout.elements) {
    require(element.frames.first == next && element.frames.count != 0);
    require(pages_for(element.bytes) <= element.frames.count);
    next = element.frames.end();
    require(next.value <= layout.nr_pages);
    if (element.frames.end() <= layout.region.end())
      require(element.address == layout.address_of(element.frames.first));
    else
      require(element.frames.first >= layout.region.end());
  }
  require(next >= layout.region.end());
}

void check_region(const Layout& layout) {
  require(layout.region.first == Pfn{0} && layout.region.count <= layout.nr_pages);
  const std::uint64_t base = layout.virt_base.value;
  const std::uint64_t size = layout.region.count << page_shift;
  require(base % page_size == 0 && (base + size) % 4_MiB == 0 && base + size > base);
  const std::uint64_t last = base + size - 1;
  require(last < 0x0000800000000000 || base >= 0xffff880000000000);

  const Pfn stack = layout.boot_stack;
  require(layout.region.end() - (stack + 1) >= 512_KiB / page_size);
  require(layout.trampoline > stack && layout.region.contains(layout.trampoline));
  require(layout.trampoline != layout.hypercall_page);
  // In this order and without a hole [xen-abi.md part A].
  require(layout.store == layout.start_info + 1 && layout.console == layout.store + 1);
  require(layout.page_tables.first == layout.console + 1 && stack == layout.page_tables.end());
}

/// As many tables as the addresses need, counted one by one.
void check_tables(const Layout& layout) {
  const std::uint64_t first = layout.virt_base.value;
  const std::uint64_t last = first + (layout.region.count << page_shift) - 1;
  const auto count = [&](unsigned bits) { return (last >> bits) - (first >> bits) + 1; };
  require(layout.tables == xen::TableCounts{count(39), count(30), count(21)});
  require(layout.page_tables.count == 1 + layout.tables.total());
}

void check_kernel(const Layout& layout, const Target& target) {
  require(layout.kernel.count != 0 && layout.kernel.end() <= layout.start_info);
  const std::uint64_t end = layout.kernel.end().value << page_shift;
  std::uint64_t next = layout.kernel.first.value << page_shift;
  require(!layout.segments.empty() && layout.segments.front().address == next);
  for (const xen::KernelSegment& segment : layout.segments) {
    require(segment.address >= next && segment.file_size <= segment.memory_size && segment.memory_size != 0);
    next = segment.address + segment.memory_size;
    require(next > segment.address && next <= end);
    require(segment.file_offset + segment.file_size >= segment.file_offset);
  }
  require(layout.entry.value == target.entry && layout.entry >= layout.address_of(layout.kernel.first) &&
          layout.entry.value - layout.virt_base.value < next);
  require(layout.symbols_at.has_value() == (target.symbols_bytes != 0));
  if (layout.symbols_at)
    require(*layout.symbols_at >= next && layout.symbols_bytes <= end &&
            *layout.symbols_at <= end - layout.symbols_bytes);
  if (layout.hypercall_page) {
    require(layout.region.contains(*layout.hypercall_page));
    require(*layout.hypercall_page < layout.kernel.end() || *layout.hypercall_page > layout.boot_stack);
  }
}

bool inside(FrameRange inner, FrameRange outer) { return inner.first >= outer.first && inner.end() <= outer.end(); }

void check_initrd(const Layout& layout, const Target& target, const GuestFacts& guest) {
  require(layout.initrd.has_value() == (guest.initrd_bytes.value_or(0) != 0));
  if (!layout.initrd)
    return;
  const FrameRange frames = layout.initrd->frames;
  require(layout.initrd->bytes == *guest.initrd_bytes && frames.count == pages_for(*guest.initrd_bytes));
  require(frames.end().value <= layout.nr_pages && !frames.overlaps(layout.p2m.frames));
  require(layout.initrd->address.has_value() == !target.mod_start_pfn);
  if (layout.initrd->address) {
    require(*layout.initrd->address == layout.address_of(frames.first));
    require(frames.first == layout.kernel.end() && inside(frames, layout.region));
  } else {
    require(frames.first >= layout.region.end() && frames.end().value <= 0x100000);
  }
}

void check_p2m(const Layout& layout, const Target& target, const GuestFacts& guest) {
  const P2mPlace& p2m = layout.p2m;
  require(p2m.list_pages == pages_for(layout.nr_pages * 8));
  require(p2m.frames.end().value <= layout.nr_pages);
  const std::uint64_t bytes = p2m.list_pages << page_shift;
  switch (p2m.way) {
  case P2mPlace::Way::in_region:
    require(p2m.frames.count == p2m.list_pages && inside(p2m.frames, layout.region));
    require(p2m.frames.first >= layout.kernel.end() && p2m.frames.end() == layout.start_info);
    require(p2m.address == layout.address_of(p2m.frames.first));
    return;
  case P2mPlace::Way::rebuilt:
    // One L4 is there; each level below has a table at least, or shares the region's.
    require(p2m.frames.count == p2m.list_pages + p2m.tables.total());
    break;
  case P2mPlace::Way::handed_on:
    require(guest.own_p2m && guest.own_p2m->address == p2m.address.value);
    require(p2m.frames.count == guest.own_p2m->frames && p2m.tables.total() == 0);
    // Its tables hang on an L4 entry in which nothing of the region lies.
    require((p2m.address.value + bytes - 1) >> 39 != layout.virt_base.value >> 39);
    break;
  }
  require(p2m.frames.first >= layout.region.end());
  require(target.init_p2m == p2m.address.value && p2m.address.value % page_size == 0);
  require(p2m.address < layout.virt_base && layout.virt_base - p2m.address >= bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(std::span(data, size));
  const Target target = choose_target(script);
  const GuestFacts guest = choose_guest(script, target);
  const auto layout = plan::lay_out(target, guest);
  if (!layout) {
    using enum Code;
    const Code code = layout.error().code();
    require(code == unsupported || code == out_of_memory || code == too_large || code == invalid);
    return 0;
  }
  require(layout->nr_pages == guest.nr_pages && layout->command_line == guest.command_line);
  require(layout->command_line.size() <= 1023);
  check_region(*layout);
  check_tables(*layout);
  check_elements(*layout);
  check_kernel(*layout, target);
  check_initrd(*layout, target, guest);
  check_p2m(*layout, target, guest);
  return 0;
}
