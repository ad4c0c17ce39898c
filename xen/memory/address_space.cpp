#include "xen/memory/address_space.hpp"

#include "base/text.hpp"
#include "xen/memory/table_access.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

constexpr std::uint64_t first_window_slot = 64;
constexpr std::uint64_t max_pool_from_padding = 120;

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
    : start_(start), base_(base), frames_(start.mfn_list, start.nr_pages), usable_pages_(start.nr_pages) {}

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
  const GuestVirt end = frames_.list() + frames_.nr_pages() * entry_bytes;
  // Each table is looked at once and let go: there are as many as the guest has GiB.
  for (GuestVirt at = frames_.list(); at < end; at = aligned(Level::l1, at) + span_of(Level::l1)) {
    const Mfn table = TRY(frame_of_table(Level::l1, at));
    const GuestVirt mapped = TRY(map_machine(pvboot::address_of(table), false));
    std::uint64_t missing = 0;
    for (GuestVirt page = at; page < std::min(end, aligned(Level::l1, at) + span_of(Level::l1));
         page = page + page_size) {
      const Pte entry = read_entry(mapped, index_in(Level::l1, page));
      missing = is_present(entry) ? missing : page.value;
      list.push_back(frame_in(entry));
    }
    TRY(unmap_machine(mapped));
    if (missing != 0)
      return fail(Code::corrupt, "our P2M list is not mapped", hex(missing));
  }
  return list;
}

Result<std::vector<Mfn>> AddressSpace::p2m_table_frames() {
  std::vector<Mfn> tables;
  const GuestVirt first = frames_.list();
  const GuestVirt end = first + frames_.nr_pages() * entry_bytes;
  for (const Level level : {Level::l3, Level::l2, Level::l1})
    for (GuestVirt at = first; at < end; at = aligned(level, at) + span_of(level))
      tables.push_back(TRY(frame_of_table(level, at)));
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
