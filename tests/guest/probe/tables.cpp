#include "checks.hpp"

#include <iterator>

namespace pvboot::probe {

namespace {

constexpr unsigned xen_slot_first = 256, xen_slot_last = 271; // [xen/arch-x86/xen-x86_64.h]
constexpr std::uint64_t most_names = 1 << 22;                 // 16 GiB
constexpr std::string_view level_names[] = {"", "l1", "l2", "l3", "l4"};
constexpr std::uint64_t table_flags = pte_present | pte_writable | pte_user | pte_accessed | pte_dirty;
// P|A as it reads back: the kernel runs in ring 3, so Xen adds US, and a bit of its own for "the kernel's".
constexpr std::uint64_t page_flags = pte_present | pte_user | pte_accessed | std::uint64_t{1} << 52;
constexpr std::uint64_t most_runs = 64;

std::uint64_t copies[4][512];
std::uint64_t seen_names[most_names / 64];

class Walk {
public:
  Walk(Report& report, const Machine& machine) : report_(report), machine_(machine) {}

  void run() {
    const std::uint64_t top = Machine::name_at(machine_.info.pt_base);
    report_.fact("table", level_names[4], Hex{0}, "pfn", Hex{top});
    descend(4, Machine::seen<std::uint64_t>(top), 0);
    end_run();
    for (unsigned level = 4; level != 0; --level)
      for (std::uint64_t i = 0; i < kinds_[level]; ++i)
        report_.fact("flags", level_names[level], Hex{flags_[level][i].value}, "x", Dec{flags_[level][i].count});
    report_.fact("tables", "in the region", Dec{tables_inside_ + 1}, "beside", Dec{tables_beside_});
    report_.fact("mapped", "pages", Dec{mapped_}, "twice", Dec{twice_});
    judge();
  }

private:
  struct Kind {
    std::uint64_t value, count;
  };
  struct Run {
    std::uint64_t address, name, count, writable;
  };

  void judge() {
    const start_info_t& info = machine_.info;
    const std::uint64_t beside = probe_shape.init_p2m == 0 ? 0 : machine_.list_pages();
    report_.equal(tables_inside_ + 1, info.nr_pt_frames, "tables in the region");
    report_.equal(tables_beside_ + beside, info.nr_p2m_frames, "frames of the P2M and its tables");
    report_.equal(mapped_, machine_.region_pages() + beside, "mapped pages");
    report_.equal(twice_, 0, "pages mapped twice");

    // [xen-abi.md part A]; where the sum is a multiple already, both ends are right.
    const std::uint64_t need =
        info.pt_base + (info.nr_pt_frames + 1 + 128) * 4096; // after the console page the tables begin
    const std::uint64_t end = probe_shape.virt_base + (machine_.region_pages() << 12);
    report_.check(end == ((need >> 22) + 1) << 22 || (need % (4 << 20) == 0 && end == need), "the region ends at",
                  Hex{end});
  }

  void count_flags(unsigned level, std::uint64_t flags) {
    for (std::uint64_t i = 0; i < kinds_[level]; ++i)
      if (flags_[level][i].value == flags) {
        ++flags_[level][i].count;
        return;
      }
    if (kinds_[level] < std::size(flags_[level]))
      flags_[level][kinds_[level]++] = {flags, 1};
  }

  void descend(unsigned level, const std::uint64_t* table, std::uint64_t base) {
    std::uint64_t xen_slots = 0;
    for (std::uint64_t i = 0; i < 512; ++i) {
      const std::uint64_t entry = table[i];
      if (level == 4 && i >= xen_slot_first && i <= xen_slot_last) {
        xen_slots |= std::uint64_t{entry != 0} << (i - xen_slot_first);
        continue;
      }
      if (entry == 0)
        continue;
      report_.check((entry & pte_present) != 0, "an entry that is neither present nor zero", level_names[level],
                    Dec{i});
      std::uint64_t address = base + (i << shift_of(level));
      if (level == 4 && i >= 256)
        address |= 0xffff000000000000;
      if (level == 1)
        page(address, entry);
      else
        upper(level, address, entry);
    }
    if (level == 4)
      report_.fact("tables.slots-of-xen", Hex{xen_slots});
  }

  void upper(unsigned level, std::uint64_t address, std::uint64_t entry) {
    count_flags(level, entry & ~pte_frame);
    report_.equal(entry & ~pte_frame, table_flags, "flags of an upper entry");
    const std::uint64_t pfn = machine_.name(frame_of(entry));
    report_.fact("table", level_names[level - 1], Hex{address}, "pfn", Hex{pfn});
    if (machine_.is_region_table(pfn)) {
      ++tables_inside_;
      descend(level - 1, Machine::seen<std::uint64_t>(pfn), address);
      return;
    }
    ++tables_beside_;
    report_.check(probe_shape.init_p2m != 0 && machine_.in_p2m(pfn), "a table outside pt_base and the P2M", Hex{pfn});
    if (!Machine::copy(frame_of(entry), copies[level - 1])) {
      report_.check(false, "a table that Xen does not map", Hex{pfn});
      return;
    }
    descend(level - 1, copies[level - 1], address);
  }

  void page(std::uint64_t address, std::uint64_t entry) {
    const std::uint64_t pfn = machine_.name(frame_of(entry));
    const bool writable = (entry & pte_writable) != 0;
    const std::uint64_t flags = entry & ~pte_frame & ~pte_dirty; // the CPU sets that one as the probe writes
    count_flags(1, flags);
    report_.equal(flags & ~pte_writable, page_flags, "flags of a page's entry");
    ++mapped_;
    if (pfn >= machine_.pages || pfn >= most_names) {
      report_.check(false, "a page that is not the guest's, or has no name, at", Hex{address});
      return;
    }
    std::uint64_t& names = seen_names[pfn / 64];
    twice_ += names >> pfn % 64 & 1;
    names |= std::uint64_t{1} << pfn % 64;
    report_.check(writable != machine_.is_region_table(pfn), "writable where a table is, or the other way round",
                  Hex{pfn});

    if (pfn != run_.name + run_.count || address != run_.address + (run_.count << 12) || writable != run_.writable) {
      end_run();
      run_ = {address, pfn, 0, writable};
    }
    ++run_.count;
  }

  void end_run() {
    if (run_.count == 0 || ++runs_ > most_runs)
      return;
    report_.fact("map", Hex{run_.address}, "pfn", Hex{run_.name}, "+", Dec{run_.count}, run_.writable ? "rw" : "ro");
    const bool in_region =
        run_.address == probe_shape.virt_base + (run_.name << 12) && run_.name + run_.count <= machine_.region_pages();
    const bool in_list = probe_shape.init_p2m != 0 && machine_.in_p2m(run_.name) &&
                         run_.address - machine_.info.mfn_list < machine_.list_pages() << 12;
    report_.check(in_region || in_list, "something is mapped where nothing belongs", Hex{run_.address});
  }

  Report& report_;
  const Machine& machine_;
  Kind flags_[5][8] = {};
  std::uint64_t kinds_[5] = {};
  Run run_ = {};
  std::uint64_t runs_ = 0, tables_inside_ = 0, tables_beside_ = 0, mapped_ = 0, twice_ = 0;
};

} // namespace

void check_tables(Report& report, const Machine& machine) { Walk(report, machine).run(); }

void check_names(Report& report, const Machine& machine) {
  std::uint64_t holes = 0, wrong = 0;
  for (std::uint64_t pfn = 0; pfn < machine.pages; ++pfn) {
    if (machine.frame(pfn) == nowhere)
      ++holes;
    else if (machine.name(machine.frame(pfn)) != pfn)
      ++wrong;
  }
  report.fact("names", "of", Dec{machine.pages}, "holes", Dec{holes}, "wrong", Dec{wrong});
  report.equal(wrong, 0, "entries of the P2M that the M2P does not confirm");
}

} // namespace pvboot::probe
