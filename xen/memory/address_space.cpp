#include "xen/memory/address_space.hpp"

#include "base/text.hpp"
#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

constexpr std::uint64_t first_window_slot = 64;
constexpr std::uint64_t max_pool_from_padding = 120;
constexpr std::uint64_t spare_tables = 4; // for an L3 and an L2, and what a larger pool needs
constexpr std::uint64_t pool_growth = 64;
constexpr std::uint64_t unit_bytes = span_of(Level::l1);

constexpr std::uint64_t units_for(std::uint64_t pages) { return (pages + entries_per_table - 1) / entries_per_table; }

Pte read_entry(GuestVirt table, std::uint64_t index) { return {peek<std::uint64_t>(table + index * entry_bytes)}; }
void write_entry(GuestVirt table, std::uint64_t index, Pte entry) {
  poke<std::uint64_t>(table + index * entry_bytes) = entry.value;
}

GuestVirt aligned(Level level, GuestVirt address) { return GuestVirt{address.value & ~(span_of(level) - 1)}; }

/// The first address that entry `index` of the L4 maps.
constexpr GuestVirt slot_address(std::uint64_t index) {
  const std::uint64_t low = index << shift_of(Level::l4);
  return GuestVirt{index < 256 ? low : low | 0xffff000000000000};
}

constexpr bool may_move_anywhere(Use use) {
  return use == Use::loader || use == Use::window || use == Use::module || use == Use::free;
}

} // namespace

AddressSpace::AddressSpace(const StartInfo& start, GuestVirt base)
    : start_(start), base_(base), frames_(start.mfn_list, start.nr_pages) {}

Result<std::unique_ptr<AddressSpace>> AddressSpace::adopt(const StartInfo& start, GuestVirt base) {
  std::unique_ptr<AddressSpace> space(new AddressSpace(start, base));
  if (start.pt_base < base || (start.pt_base - base) % page_size != 0 || start.nr_pt_frames == 0 ||
      ((start.pt_base - base) >> page_shift) + start.nr_pt_frames > start.nr_pages)
    return fail(Code::corrupt, "our page tables are not in our region", "start_info");
  space->root_ = space->frames_.mfn_of(Pfn{(start.pt_base - base) >> page_shift});
  TRY(space->find_tables());
  space->measure_region();
  TRY(space->mark_what_is_in_use());
  space->fill_pool_from_padding();
  TRY(space->choose_window_slot());
  return space;
}

Result<void> AddressSpace::find_tables() {
  const Table root{root_, start_.pt_base, {}};
  for (std::uint64_t i = 0; i < entries_per_table; ++i)
    if (!is_xen_slot(i) && is_present(read_entry(root.at, i)))
      TRY(find_tables_below(Level::l3, {frame_in(read_entry(root.at, i)), {}, {}}, slot_address(i)));
  return {};
}

/// Only tables inside our region are readable; the others (of a P2M of its own address) are learned when needed.
Result<void> AddressSpace::find_tables_below(Level level, const Table& table, GuestVirt maps) {
  const Pfn first{(start_.pt_base - base_) >> page_shift};
  const Pfn name = TRY(frames_.pfn_of(table.frame));
  if (!FrameRange{first, start_.nr_pt_frames}.contains(name))
    return {};
  const Table readable{table.frame, base_ + (name.value << page_shift), {}};
  add_hung(level, maps, readable);
  if (level == Level::l1)
    return {};
  for (std::uint64_t i = 0; i < entries_per_table; ++i)
    if (const Pte entry = read_entry(readable.at, i); is_present(entry))
      TRY(find_tables_below(below(level), {frame_in(entry), {}, {}}, maps + i * span_of(below(level))));
  return {};
}

/// Up to the last page that is mapped: start-up code may have unmapped single ones in between.
void AddressSpace::measure_region() {
  for (std::uint64_t page = 0; find_hung(Level::l1, base_ + (page << page_shift)) != nullptr; ++page)
    if (frame_at(base_ + (page << page_shift)))
      region_.count = page + 1;
}

Result<void> AddressSpace::mark_what_is_in_use() {
  FrameLedger& ledger = frames_.ledger();
  const auto inside = [&](GuestVirt address) {
    return address >= base_ && ((address - base_) >> page_shift) < region_.count;
  };
  ledger.set(region_, Use::loader);
  ledger.set({Pfn{(start_.pt_base - base_) >> page_shift}, start_.nr_pt_frames}, Use::table);
  for (const auto& ring : {start_.store, start_.console})
    if (ring)
      ledger.set({TRY_AT(frames_.pfn_of(ring->frame), "a ring page of start_info"), 1}, Use::special);
  const FrameRange all{Pfn{0}, start_.nr_pages};
  if (inside(start_.mfn_list))
    ledger.set({Pfn{(start_.mfn_list - base_) >> page_shift}, pages_for(start_.nr_pages * entry_bytes)}, Use::p2m);
  else if (start_.p2m && start_.p2m->count <= all.count && start_.p2m->first.value <= all.count - start_.p2m->count)
    ledger.set({start_.p2m->first, start_.p2m->count}, Use::p2m);
  else
    return fail(Code::corrupt, "nobody says where the P2M list's frames are", "start_info");
  if (start_.module && start_.module->by_pfn) {
    const FrameRange module{start_.module->first, pages_for(start_.module->size)};
    if (module.count > all.count || module.first.value > all.count - module.count)
      return fail(Code::corrupt, "the module lies outside our memory", "start_info");
    ledger.set(module, Use::module);
  }
  return {};
}

/// Behind the boot stack at least 512 KiB of our region are free; they are mapped read and write.
void AddressSpace::fill_pool_from_padding() {
  const Pfn after_stack{((start_.pt_base - base_) >> page_shift) + start_.nr_pt_frames + 1};
  const Pfn end = region_.end();
  if (after_stack >= end)
    return;
  const std::uint64_t count = std::min(max_pool_from_padding, end - after_stack);
  for (Pfn name = end - count; name < end; ++name) {
    const GuestVirt at = base_ + (name.value << page_shift);
    const Table* mapping = find_hung(Level::l1, at);
    pool_.push_back({frames_.mfn_of(name), at, entry_address(mapping->frame, index_in(Level::l1, at))});
  }
  frames_.ledger().set({end - count, count}, Use::table);
}

Result<void> AddressSpace::choose_window_slot() {
  for (std::uint64_t i = first_window_slot; i < 256; ++i)
    if (!is_present(read_entry(start_.pt_base, i))) {
      window_slot_ = slot_address(i);
      return {};
    }
  return fail(Code::corrupt, "no slot of our address space is free");
}

// ---- tables ----

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

Result<void> AddressSpace::learn(GuestVirt address) {
  TRY(table_for(Level::l1, address, Missing::refuse));
  return {};
}

Result<void> AddressSpace::prepare_address(GuestVirt address) {
  TRY(reserve_tables(3));
  TRY(table_for(Level::l1, address, Missing::make));
  return {};
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

// ---- windows ----

void AddressSpace::count_frames(Purpose purpose, std::uint64_t frames) {
  MemoryAccount& account = accounts_[static_cast<std::size_t>(purpose)];
  account.now += frames;
  account.peak = std::max(account.peak, account.now);
}

Result<Window> AddressSpace::map_new(std::uint64_t pages, Purpose purpose) {
  TRY(reserve_tables(units_for(pages)));
  const Pieces pieces = TRY(take_frames(pages, Use::window));
  return own_window(pieces, pages, purpose);
}

Result<Window> AddressSpace::own_window(const Pieces& pieces, std::uint64_t pages, Purpose purpose) {
  // Where Xen refuses half of it, nobody knows what is mapped: those frames stay marked.
  const GuestVirt at = TRY(hang(pieces, pages));
  count_frames(purpose, pages);
  return Window{at, pages, purpose, true};
}

Result<Window> AddressSpace::map_near(FrameRange names, Purpose purpose) {
  if (names.count > frames_.nr_pages() || names.first.value > frames_.nr_pages() - names.count)
    return fail(Code::out_of_memory, "the guest's memory does not hold it", human_size(names.count << page_shift));
  TRY(reserve_tables(units_for(names.count)));
  mark_holes(names);
  // What is free under its own name first, so that nobody else takes it.
  std::vector<FrameRange> taken_here, elsewhere;
  for (Pfn at = names.first; at < names.end();) {
    FrameLedger::Entry run = frames_.ledger().run_at(at);
    run.range.count = std::min(run.range.count, names.end() - at);
    (run.use == Use::free ? taken_here : elsewhere).push_back(run.range);
    at = run.range.end();
  }
  for (const FrameRange& range : taken_here)
    frames_.ledger().set(range, Use::window);
  Pieces pieces;
  auto here = taken_here.begin();
  auto gap = elsewhere.begin();
  while (here != taken_here.end() || gap != elsewhere.end()) {
    if (gap == elsewhere.end() || (here != taken_here.end() && here->first < gap->first)) {
      pieces.push_back(*here++);
      continue;
    }
    auto others = take_frames((gap++)->count, Use::window);
    if (!others) {
      for (const auto* ranges : {&taken_here, &pieces})
        for (const FrameRange& range : *ranges)
          frames_.ledger().set(range, Use::free);
      return std::unexpected(std::move(others).error());
    }
    pieces.insert(pieces.end(), others->begin(), others->end());
  }
  return own_window(pieces, names.count, purpose);
}

Result<Window> AddressSpace::map_names(FrameRange names) {
  TRY(reserve_tables(units_for(names.count)));
  return Window{TRY(hang({names}, names.count)), names.count, Purpose::target, false};
}

Result<void> AddressSpace::release(const Window& window, Leave leave) {
  if (leave == Leave::wiped)
    zero(window.address, window.bytes());
  if (window.owns_frames)
    TRY(free_frames_of(window));
  TRY(unhang(window.address, window.pages));
  if (window.owns_frames)
    accounts_[static_cast<std::size_t>(window.purpose)].now -= window.pages;
  return {};
}

Result<void> AddressSpace::free_frames_of(const Window& window) {
  FrameRange run;
  for (std::uint64_t i = 0; i < window.pages; ++i) {
    const auto frame = frame_at(window.address + (i << page_shift));
    if (!frame)
      return fail(Code::invalid, "release of what is no window");
    const Pfn name = TRY(frames_.pfn_of(*frame));
    // A quarantined frame stays what it is.
    if (frames_.ledger().use_of(name) == Use::stuck)
      continue;
    if (run.count != 0 && name == run.end()) {
      ++run.count;
      continue;
    }
    frames_.ledger().set(run, Use::free);
    run = {name, 1};
  }
  frames_.ledger().set(run, Use::free);
  return {};
}

Result<GuestVirt> AddressSpace::map_machine(MachineAddr frame, bool writable) {
  const auto slot = std::find(single_used_.begin(), single_used_.end(), false);
  if (slot == single_used_.end())
    return fail(Code::out_of_memory, "no addresses left for single pages");
  const GuestVirt at = window_slot_ + (static_cast<std::uint64_t>(slot - single_used_.begin()) << page_shift);
  TRY(table_for(Level::l1, window_slot_, Missing::make));
  TRY(issue(UpdateVaMapping{
      at, page_entry(Mfn{frame.value >> page_shift}, writable ? Access::read_write : Access::read_only)}));
  *slot = true;
  return at + frame.value % page_size;
}

Result<void> AddressSpace::unmap_machine(GuestVirt address) {
  const GuestVirt page{address.value & ~(page_size - 1)};
  TRY(issue(UpdateVaMapping{page, Pte{}}));
  single_used_[(page - window_slot_) >> page_shift] = false;
  return {};
}

// ---- names ----

void AddressSpace::release_module() {
  for (const FrameRange& range : frames_.ledger().all(Use::module))
    frames_.ledger().set(range, Use::free);
}

Result<void> AddressSpace::quarantine(const void* address) {
  const auto frame = frame_of(address);
  if (!frame)
    return fail(Code::invalid, "quarantine of what is not mapped");
  frames_.ledger().set({TRY(frames_.pfn_of(*frame)), 1}, Use::stuck);
  return {};
}

void AddressSpace::give_up_claims() {
  for (const FrameRange& range : frames_.ledger().all(Use::target))
    frames_.ledger().set(range, Use::free);
}

Result<std::vector<Mfn>> AddressSpace::p2m_list_frames() {
  std::vector<Mfn> list;
  const std::uint64_t pages = pages_for(frames_.nr_pages() * entry_bytes);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const GuestVirt at = frames_.list() + (i << page_shift);
    TRY(learn(at));
    const auto frame = frame_at(at);
    if (!frame)
      return fail(Code::corrupt, "our P2M list is not mapped", hex(at.value));
    list.push_back(*frame);
  }
  return list;
}

Result<std::vector<Mfn>> AddressSpace::p2m_table_frames() {
  std::vector<Mfn> tables;
  const GuestVirt first = frames_.list();
  const GuestVirt end = first + frames_.nr_pages() * entry_bytes;
  for (const Level level : {Level::l3, Level::l2, Level::l1})
    for (GuestVirt at = first; at < end; at = aligned(level, at) + span_of(level))
      tables.push_back(TRY(table_for(level, at, Missing::refuse)).frame);
  return tables;
}

void AddressSpace::mark_holes(FrameRange names) {
  for (Pfn name = names.first; name < names.end(); ++name)
    if (frames_.is_hole(name))
      frames_.ledger().set({name, 1}, Use::hole);
}

Result<void> AddressSpace::vacate(FrameRange names, std::span<const FrameRange> rooms) {
  mark_holes(names);
  for (Pfn at = names.first; at < names.end();) {
    FrameLedger::Entry run = frames_.ledger().run_at(at);
    run.range.count = std::min(run.range.count, names.end() - at);
    if (!may_move_anywhere(run.use) && run.use != Use::target)
      run.range.count = TRY(move_out(run.range, run.use, rooms));
    at = run.range.end();
  }
  return {};
}

/// Exchanges the first of `names`, all of one use, with free frames of a room; how many.
Result<std::uint64_t> AddressSpace::move_out(FrameRange names, Use use, std::span<const FrameRange> rooms) {
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (i != 0 && !may_move_anywhere(use))
      break;
    const auto room = frames_.highest_free(names.count, rooms[i].end(), rooms[i].first);
    if (!room)
      continue;
    TRY(frames_.exchange(names.first, room->first, room->count));
    return room->count;
  }
  return fail(Code::out_of_memory, "no memory left to move our own pieces out of the kernel's way");
}

Result<void> AddressSpace::claim(FrameRange names, std::span<const FrameRange> rooms) {
  if (names.count > frames_.nr_pages() || names.first.value > frames_.nr_pages() - names.count)
    return fail(Code::out_of_memory, "the guest's memory does not hold it", human_size(names.count << page_shift));
  mark_holes(names);
  for (Pfn at = names.first; at < names.end();) {
    FrameLedger::Entry run = frames_.ledger().run_at(at);
    run.range.count = std::min(run.range.count, names.end() - at);
    if (run.use != Use::free)
      run.range.count = TRY(move_out(run.range, run.use, rooms));
    frames_.ledger().set(run.range, Use::target);
    at = run.range.end();
  }
  return {};
}

// ---- looking ----

std::optional<Mfn> AddressSpace::frame_at(GuestVirt address) const {
  const Table* table = find_hung(Level::l1, address);
  if (table == nullptr)
    return std::nullopt;
  const Pte entry = read_entry(table->at, index_in(Level::l1, address));
  if (!is_present(entry))
    return std::nullopt;
  return frame_in(entry);
}

Pte AddressSpace::root_entry(GuestVirt address) const {
  return read_entry(start_.pt_base, index_in(Level::l4, address));
}

} // namespace pvboot::xen
