// Our own address space: free frames, and windows that map them.
//
// Whoever started us mapped our bootstrap region and the P2M list, nothing else. An AddressSpace knows which PFNs are
// in use, takes frames from the free ones (from the top of memory, away from where targets go), and maps them in a
// spare L4 slot. A window has L1 tables of its own, filled by plain stores while they are still ordinary memory and
// then hung into the tree with one mmu_update each. Nothing here grows with the guest's memory but what is asked about
// a P2M list (p2m_list_frames(), p2m_table_frames()) or about missing frames (gather_holes()).
//
// A Window is a value that names a mapping; it is released by release(), not by its destructor, because its frames
// may by then belong to the target. Memory behind addresses is reached through xen/memory/touch.hpp.
//
// Fails with Code::out_of_memory when there are no free frames, and with what Xen answers.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "xen/frame_lookup.hpp"
#include "xen/memory/frame_map.hpp"
#include "xen/start_info.hpp"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace pvboot::xen {

/// What a window's frames are for: the account of `pvboot.log=timing`.
enum class Purpose : std::uint8_t {
  target,     ///< becomes the target's own memory: kernel image, initrd
  work,       ///< everything else
  dictionary, ///< a codec's dictionary
};

struct Window {
  GuestVirt address;
  std::uint64_t pages = 0;
  Purpose purpose = Purpose::work;
  bool owns_frames = false; ///< release() frees them

  std::uint64_t bytes() const { return pages << page_shift; }
  /// The window as memory. In the loader only: on a host the address is the model's, see touch.hpp.
  MutBytes span() const { return {reinterpret_cast<std::byte*>(address.value), static_cast<std::size_t>(bytes())}; }
};

struct MemoryAccount {
  std::uint64_t now = 0, peak = 0; ///< frames
};

class AddressSpace final : public FrameLookup {
public:
  /// Our address space as we found it. `base` is our VIRT_BASE. Fails with Code::corrupt when start_info and the page
  /// tables contradict one another.
  static Result<std::unique_ptr<AddressSpace>> adopt(const StartInfo& start, GuestVirt base);

  /// `pages` free frames, mapped read and write at consecutive addresses. Their content is whatever it was.
  Result<Window> map_new(std::uint64_t pages, Purpose purpose = Purpose::work);
  /// The same, from the frames with these names where they are free, from others where not: for content whose final
  /// names are known before it is loaded.
  Result<Window> map_near(FrameRange names, Purpose purpose);
  /// Frames that are in use already, by their names (module, claimed frames); release() leaves their mark as it is.
  Result<Window> map_names(FrameRange names);
  /// One machine frame that is not ours to number (shared_info, a grant table page).
  Result<GuestVirt> map_machine(MachineAddr frame, bool writable = true);
  Result<void> unmap_machine(GuestVirt address);

  enum class Leave : std::uint8_t { as_it_is, wiped };
  /// Unmaps; frames of map_new() and map_near() are free afterwards, wiped where asked for.
  Result<void> release(const Window& window, Leave leave = Leave::as_it_is);

  /// The module we were given is not needed any more.
  void release_module();

  /// Gives the names without frames behind them, which whoever started us has left, to the end of the list: kernels
  /// take every name below start_info's nr_pages for memory. Returns how many there are. Not while the module is in
  /// use. Costs one hypercall where no frame is missing.
  Result<std::uint64_t> gather_holes();
  /// What nr_pages is for a target: all names below have frames, but for holes that nobody has gathered.
  std::uint64_t usable_pages() const { return usable_pages_; }

  /// A frame that a backend may still write to: taken out of use for ever.
  Result<void> quarantine(const void* address);

  /// Makes the names usable for the target: behind each stands a frame that nobody uses, marked Use::target. What was
  /// in use there gets names in `rooms`, tried in order; page tables only in the first.
  Result<void> claim(FrameRange names, std::span<const FrameRange> rooms);
  /// Leaves only plain memory behind the names: page tables, holes and what a backend may still write to get names in
  /// the first of `rooms`.
  Result<void> vacate(FrameRange names, std::span<const FrameRange> rooms);
  /// Everything that claim() has marked is free again.
  void give_up_claims();
  /// The frames of our P2M list and of its tables, as they are named now.
  Result<std::vector<Mfn>> p2m_list_frames();
  Result<std::vector<Mfn>> p2m_table_frames();

  /// New frames come only from names at or above `floor` from now on.
  void keep_above(Pfn floor) { floor_ = floor; }

  /// The frame under any address of ours, whatever names have changed.
  std::optional<Mfn> frame_of(const void* address) const override {
    return frame_at(GuestVirt{reinterpret_cast<std::uint64_t>(address)});
  }
  std::optional<Mfn> frame_at(GuestVirt address) const;

  /// Makes sure that our tables have an L1 for `address`, so that update_va_mapping works there as long as no window
  /// comes or goes beside it.
  Result<void> prepare_address(GuestVirt address);
  /// Whether windows are mapped in the L4 slot of `address`.
  bool has_windows_beside(GuestVirt address) const;

  FrameMap& frames() { return frames_; }
  const FrameMap& frames() const { return frames_; }
  Mfn root() const { return root_; }
  GuestVirt base() const { return base_; }
  /// Our region as it was mapped for us.
  FrameRange region() const { return region_; }
  const StartInfo& start() const { return start_; }
  /// The L4 entry that maps `address`.
  Pte root_entry(GuestVirt address) const;
  const MemoryAccount& account(Purpose purpose) const { return accounts_[static_cast<std::size_t>(purpose)]; }

private:
  /// A page table of ours: its frame, where we can read it, and the entry that maps it there.
  struct Table {
    Mfn frame;
    GuestVirt at;
    MachineAddr mapped_by; ///< 0: not a page of the pool
  };
  /// A table that hangs in our tree, and the first address it maps.
  struct HungTable {
    GuestVirt maps;
    Table table;
  };
  /// Addresses in units of 2 MiB from the start of the window slot.
  struct VaRange {
    std::uint64_t first = 0, count = 0;
  };
  using Pieces = std::vector<FrameRange>;

  explicit AddressSpace(const StartInfo& start, GuestVirt base);

  Result<void> find_tables();
  Result<void> find_tables_below(Level level, const Table& table, GuestVirt maps);
  void measure_region();
  Result<void> mark_what_is_in_use();
  void fill_pool_from_padding();
  Result<void> choose_window_slot();

  const Table* find_hung(Level level, GuestVirt address) const;
  void add_hung(Level level, GuestVirt address, const Table& table);
  enum class Missing : std::uint8_t { make, refuse };
  Result<Table> table_for(Level level, GuestVirt address, Missing missing);
  Result<Mfn> frame_of_table(Level level, GuestVirt address);

  Result<void> reserve_tables(std::uint64_t count);
  Result<void> grow_pool(std::uint64_t pages);
  Result<Table> take_table();
  Result<GuestVirt> take_addresses(std::uint64_t units);
  void give_back_addresses(VaRange range);
  Result<Pieces> take_frames(std::uint64_t count, Use use);
  Result<GuestVirt> hang(const Pieces& pieces, std::uint64_t pages);
  Result<void> unhang(GuestVirt address, std::uint64_t pages);
  Result<Window> own_window(const Pieces& pieces, std::uint64_t pages, Purpose purpose);
  Result<void> free_frames_of(const Window& window);
  void count_frames(Purpose purpose, std::uint64_t frames);
  void mark_holes(FrameRange names);
  Result<std::uint64_t> move_out(FrameRange names, Use use, std::span<const FrameRange> rooms);

  StartInfo start_;
  GuestVirt base_;
  FrameMap frames_;
  std::uint64_t usable_pages_;
  Mfn root_;
  FrameRange region_;
  std::array<std::vector<HungTable>, 3> hung_; ///< L1, L2, L3, each sorted by address
  std::vector<Table> pool_;                    ///< plain memory, mapped read and write
  GuestVirt window_slot_;
  std::vector<VaRange> free_addresses_;
  std::uint64_t next_unit_ = 1; ///< unit 0 holds single pages
  std::array<bool, 512> single_used_{};
  Pfn floor_;
  std::array<MemoryAccount, 3> accounts_;
};

} // namespace pvboot::xen
