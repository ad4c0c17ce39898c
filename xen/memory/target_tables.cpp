#include "xen/memory/target_tables.hpp"

#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

namespace pvboot::xen {

namespace {

/// The tables that map one range of addresses: their frames in order L3s, L2s, L1s, seen through a window.
class TableRange {
public:
  TableRange(GuestVirt first, TableCounts counts, Pfn names, GuestVirt seen_at)
      : first_(first), counts_(counts), names_(names), seen_at_(seen_at) {}

  bool has(Level level, GuestVirt address) const {
    // By spans: the first table may begin before the range does, and then serves what lies there as well.
    return span(level, address) >= span(level, first_) && index_of(level, address) < count(level);
  }
  Pfn name(Level level, GuestVirt address) const { return names_ + before(level) + index_of(level, address); }
  GuestVirt seen(Level level, GuestVirt address) const {
    return seen_at_ + ((before(level) + index_of(level, address)) << page_shift);
  }

private:
  static std::uint64_t span(Level level, GuestVirt address) { return address.value / span_of(level); }
  std::uint64_t index_of(Level level, GuestVirt address) const { return span(level, address) - span(level, first_); }
  std::uint64_t count(Level level) const {
    return level == Level::l3 ? counts_.l3 : level == Level::l2 ? counts_.l2 : counts_.l1;
  }
  std::uint64_t before(Level level) const {
    return level == Level::l3 ? 0 : level == Level::l2 ? counts_.l3 : counts_.l3 + counts_.l2;
  }

  GuestVirt first_;
  TableCounts counts_;
  Pfn names_;
  GuestVirt seen_at_;
};

class Builder {
public:
  Builder(AddressSpace& memory, const StartOfDay& layout, GuestVirt root, TableRange region,
          std::optional<TableRange> p2m)
      : memory_(memory), layout_(layout), root_(root), region_(region), p2m_(p2m) {}

  void map_region() {
    // The last page of the address space ends at 0: count pages, not addresses.
    for (std::uint64_t i = 0; i < layout_.region.count; ++i) {
      const Pfn name{i};
      const Access access = layout_.page_tables.contains(name) ? Access::read_only : Access::read_write;
      map(layout_.address_of(name), page_entry(memory_.frames().mfn_of(name), access));
    }
  }
  void map_p2m_list() {
    for (std::uint64_t i = 0; i < layout_.p2m.list_pages; ++i)
      map(layout_.p2m.address + (i << page_shift), page_entry(memory_.frames().mfn_of(layout_.p2m.frames.first + i)));
  }
  void hand_on(GuestVirt address) {
    const Mfn l3 = frame_in(memory_.root_entry(address));
    entry(root_, Level::l4, address) = table_entry(l3).value;
  }

private:
  static std::uint64_t& entry(GuestVirt table, Level level, GuestVirt address) {
    return poke<std::uint64_t>(table + index_in(level, address) * entry_bytes);
  }
  const TableRange& owner(Level level, GuestVirt address) const {
    return p2m_ && !region_.has(level, address) ? *p2m_ : region_;
  }
  void map(GuestVirt address, Pte page) {
    GuestVirt table = root_;
    for (Level level = Level::l4; level != Level::l1; level = below(level)) {
      const TableRange& range = owner(below(level), address);
      // Every page of a table names the same entry above: write it when the first one comes by.
      std::uint64_t& upper = entry(table, level, address);
      if (upper == 0)
        upper = table_entry(memory_.frames().mfn_of(range.name(below(level), address))).value;
      table = range.seen(below(level), address);
    }
    entry(table, Level::l1, address) = page.value;
  }

  AddressSpace& memory_;
  const StartOfDay& layout_;
  GuestVirt root_;
  TableRange region_;
  std::optional<TableRange> p2m_;
};

} // namespace

Result<Mfn> build_target_tables(AddressSpace& memory, const StartOfDay& layout) {
  const Window own = TRY(memory.map_names(layout.page_tables));
  zero(own.address, own.bytes());
  const TableRange region(layout.virt_base, layout.tables, layout.page_tables.first + 1, own.address + page_size);

  std::optional<Window> beside;
  std::optional<TableRange> p2m;
  if (layout.p2m.tables.total() != 0) {
    const FrameRange names{layout.p2m.frames.first + layout.p2m.list_pages, layout.p2m.tables.total()};
    beside = TRY(memory.map_names(names));
    zero(beside->address, beside->bytes());
    p2m.emplace(layout.p2m.address, layout.p2m.tables, names.first, beside->address);
  }

  Builder builder(memory, layout, own.address, region, p2m);
  builder.map_region();
  if (layout.p2m.way == P2mPlace::Way::rebuilt)
    builder.map_p2m_list();
  if (layout.p2m.way == P2mPlace::Way::handed_on)
    for (GuestVirt at = layout.p2m.address; at < layout.p2m.address + (layout.p2m.list_pages << page_shift);
         at = GuestVirt{(at.value & ~(span_of(Level::l3) - 1)) + span_of(Level::l3)})
      builder.hand_on(at);

  if (beside)
    TRY(memory.release(*beside));
  TRY(memory.release(own));
  return memory.frames().mfn_of(layout.page_tables.first);
}

} // namespace pvboot::xen
