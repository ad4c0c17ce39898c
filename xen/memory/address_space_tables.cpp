// The page tables of our own address space: finding them, making them, hanging windows into them, and the frames and
// addresses that those take.
#include "xen/memory/address_space.hpp"

#include "base/text.hpp"
#include "xen/memory/table_access.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

constexpr std::uint64_t spare_tables = 4; // for an L3 and an L2, and what a larger pool needs
constexpr std::uint64_t pool_growth = 64;

} // namespace

const AddressSpace::Table* AddressSpace::find_hung(Level level, GuestVirt address) const {
  const auto& tables = hung_[static_cast<std::size_t>(level) - 1];
  const GuestVirt maps = aligned(level, address);
  const auto found =
      std::lower_bound(tables.begin(), tables.end(), maps, [](const HungTable& t, GuestVirt a) { return t.maps < a; });
  return found != tables.end() && found->maps == maps ? &found->table : nullptr;
}

void AddressSpace::add_hung(Level level, GuestVirt address, const Table& table) {
  auto& tables = hung_[static_cast<std::size_t>(level) - 1];
  const GuestVirt maps = aligned(level, address);
  const auto place =
      std::lower_bound(tables.begin(), tables.end(), maps, [](const HungTable& t, GuestVirt a) { return t.maps < a; });
  tables.insert(place, {maps, table});
}

Result<AddressSpace::Table> AddressSpace::table_for(Level level, GuestVirt address, Missing missing) {
  if (level == Level::l4)
    return Table{root_, start_.pt_base, {}};
  if (const Table* known = find_hung(level, address))
    return *known;
  const Table parent = TRY(table_for(above(level), address, missing));
  const std::uint64_t index = index_in(above(level), address);
  const Pte entry = read_entry(parent.at, index);
  if (is_present(entry)) {
    const Table found{frame_in(entry), TRY(map_machine(pvboot::address_of(frame_in(entry)), false)), {}};
    add_hung(level, address, found);
    return found;
  }
  if (missing == Missing::refuse)
    return fail(Code::not_found, "nothing is mapped there", hex(address.value));
  const Table made = TRY(take_table());
  zero(made.at, page_size);
  const MmuUpdate updates[] = {MmuUpdate::entry(made.mapped_by, page_entry(made.frame, Access::read_only)),
                               MmuUpdate::entry(entry_address(parent.frame, index), table_entry(made.frame))};
  TRY(mmu_update(updates));
  add_hung(level, address, made);
  return made;
}

/// Maps nothing for it.
Result<Mfn> AddressSpace::frame_of_table(Level level, GuestVirt address) {
  const Table parent = TRY(table_for(above(level), address, Missing::refuse));
  const Pte entry = read_entry(parent.at, index_in(above(level), address));
  if (!is_present(entry))
    return fail(Code::not_found, "nothing is mapped there", hex(address.value));
  return frame_in(entry);
}

Result<void> AddressSpace::prepare_address(GuestVirt address) {
  TRY(reserve_tables(3));
  TRY(table_for(Level::l1, address, Missing::make));
  return {};
}

bool AddressSpace::has_windows_beside(GuestVirt address) const {
  return index_in(Level::l4, address) == index_in(Level::l4, window_slot_);
}

Result<AddressSpace::Table> AddressSpace::take_table() {
  if (pool_.empty())
    return fail(Code::out_of_memory, "no page left for a page table");
  const Table table = pool_.back();
  pool_.pop_back();
  return table;
}

/// Makes sure that `count` tables can be taken, spare ones for what they hang in aside.
Result<void> AddressSpace::reserve_tables(std::uint64_t count) {
  while (pool_.size() < count + spare_tables) {
    // Each L1 that the pool can still spare brings up to 512 pages into it.
    const std::uint64_t affordable = (pool_.size() - std::min(pool_.size(), spare_tables - 1)) * entries_per_table;
    if (affordable == 0)
      return fail(Code::out_of_memory, "no page left for a page table");
    TRY(grow_pool(std::min(affordable, std::max(pool_growth, count + spare_tables))));
  }
  return {};
}

Result<void> AddressSpace::grow_pool(std::uint64_t pages) {
  const Pieces pieces = TRY(take_frames(pages, Use::table));
  const GuestVirt at = TRY(hang(pieces, pages));
  for (std::uint64_t i = 0; i < pages; ++i) {
    const GuestVirt page = at + (i << page_shift);
    const Table* mapping = find_hung(Level::l1, page);
    const std::uint64_t index = index_in(Level::l1, page);
    pool_.push_back({frame_in(read_entry(mapping->at, index)), page, entry_address(mapping->frame, index)});
  }
  count_frames(Purpose::work, pages);
  return {};
}

// ---- addresses and frames ----

Result<GuestVirt> AddressSpace::take_addresses(std::uint64_t units) {
  for (auto range = free_addresses_.begin(); range != free_addresses_.end(); ++range)
    if (range->count >= units) {
      const std::uint64_t first = range->first;
      range->first += units;
      range->count -= units;
      if (range->count == 0)
        free_addresses_.erase(range);
      return window_slot_ + first * unit_bytes;
    }
  if (units > span_of(Level::l3) / unit_bytes - next_unit_)
    return fail(Code::out_of_memory, "no addresses left for a window");
  const std::uint64_t first = next_unit_;
  next_unit_ += units;
  return window_slot_ + first * unit_bytes;
}

void AddressSpace::give_back_addresses(VaRange range) {
  auto place = std::partition_point(free_addresses_.begin(), free_addresses_.end(),
                                    [&](const VaRange& r) { return r.first < range.first; });
  place = free_addresses_.insert(place, range);
  if (const auto next = place + 1; next != free_addresses_.end() && place->first + place->count == next->first) {
    place->count += next->count;
    free_addresses_.erase(next);
  }
  if (place != free_addresses_.begin())
    if (const auto before = place - 1; before->first + before->count == place->first) {
      before->count += place->count;
      free_addresses_.erase(place);
    }
}

Result<AddressSpace::Pieces> AddressSpace::take_frames(std::uint64_t count, Use use) {
  Pieces pieces;
  for (std::uint64_t left = count; left != 0;) {
    const auto run = frames_.highest_free(left, Pfn{frames_.nr_pages()}, floor_);
    if (!run) {
      for (const FrameRange& piece : pieces)
        frames_.ledger().set(piece, Use::free);
      return fail(Code::out_of_memory, "the guest's memory is used up", human_size(count << page_shift));
    }
    frames_.ledger().set(*run, use);
    pieces.push_back(*run);
    left -= run->count;
  }
  return pieces;
}

/// Maps the frames one after another at addresses of their own.
Result<GuestVirt> AddressSpace::hang(const Pieces& pieces, std::uint64_t pages) {
  const std::uint64_t units = units_for(pages);
  const GuestVirt at = TRY(take_addresses(units));
  std::vector<HungTable> tables;
  std::vector<MmuUpdate> updates;
  auto piece = pieces.begin();
  std::uint64_t used = 0; // of *piece
  for (std::uint64_t u = 0; u < units; ++u) {
    const GuestVirt maps = at + u * unit_bytes;
    const Table upper = TRY(table_for(Level::l2, maps, Missing::make));
    const Table table = TRY(take_table());
    zero(table.at, page_size);
    const std::uint64_t here = std::min(entries_per_table, pages - u * entries_per_table);
    for (std::uint64_t i = 0; i < here; ++i) {
      if (used == piece->count) {
        ++piece;
        used = 0;
      }
      write_entry(table.at, i, page_entry(frames_.mfn_of(piece->first + used)));
      ++used;
    }
    updates.push_back(MmuUpdate::entry(table.mapped_by, page_entry(table.frame, Access::read_only)));
    updates.push_back(
        MmuUpdate::entry(entry_address(upper.frame, index_in(Level::l2, maps)), table_entry(table.frame)));
    tables.push_back({maps, table});
  }
  TRY(mmu_update(updates));
  for (const HungTable& t : tables)
    add_hung(Level::l1, t.maps, t.table);
  return at;
}

Result<void> AddressSpace::unhang(GuestVirt address, std::uint64_t pages) {
  const std::uint64_t units = units_for(pages);
  std::vector<MmuUpdate> updates;
  std::vector<Table> tables;
  for (std::uint64_t u = 0; u < units; ++u) {
    const GuestVirt maps = address + u * unit_bytes;
    const Table upper = TRY(table_for(Level::l2, maps, Missing::refuse));
    const Table table = TRY(table_for(Level::l1, maps, Missing::refuse));
    updates.push_back(MmuUpdate::entry(entry_address(upper.frame, index_in(Level::l2, maps)), Pte{}));
    updates.push_back(MmuUpdate::entry(table.mapped_by, page_entry(table.frame)));
    tables.push_back(table);
  }
  TRY(mmu_update(updates));
  TRY(mmuext(FlushTlbLocal{}));
  auto& known = hung_[0];
  std::erase_if(known, [&](const HungTable& t) { return t.maps >= address && t.maps < address + units * unit_bytes; });
  pool_.insert(pool_.end(), tables.begin(), tables.end());
  give_back_addresses({(address - window_slot_) / unit_bytes, units});
  return {};
}

} // namespace pvboot::xen
