#include "fs/partition/mbr.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {

constexpr unsigned first_logical = 5;
constexpr unsigned max_links = 128;

bool is_extended(std::uint8_t type) { return type == 0x05 || type == 0x0f || type == 0x85; }
// Linux goes by the length alone: an entry of type 0 that has one is a partition and takes a number.
bool is_empty(const MbrEntry& entry) { return entry.length.get() == 0; }

std::string mbr_partuuid(std::uint32_t signature, unsigned number) {
  if (signature == 0)
    return {};
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4)
    out += digits[(signature >> shift) & 15];
  out += '-';
  out += digits[(number >> 4) & 15];
  out += digits[number & 15];
  return out;
}

class MbrParser {
public:
  MbrParser(BlockReader& disk, const MbrSector& sector, std::uint32_t sector_size)
      : disk_(disk), sector_(sector), sector_size_(sector_size), disk_end_{disk.size() / sector_size} {
    table_.scheme = PartitionScheme::mbr;
  }

  Result<PartitionTable> parse() {
    for (unsigned i = 0; i < 4; ++i) {
      const MbrEntry& entry = sector_.entries[i];
      if (!is_empty(entry) && !is_extended(entry.type))
        add(i + 1, entry, Lba{0});
    }
    for (const MbrEntry& entry : sector_.entries)
      if (!is_empty(entry) && is_extended(entry.type))
        TRY(follow_chain(entry));
    const auto used = [](const MbrEntry& entry) { return !is_empty(entry); };
    if (std::ranges::none_of(sector_.entries, used)) {
      table_.scheme = PartitionScheme::none;
      table_.note("the boot sector has a partition table without entries");
    }
    return std::move(table_);
  }

private:
  std::uint64_t bytes_at(Lba sector) const { return sector.value * sector_size_; }

  void add(unsigned number, const MbrEntry& entry, Lba base) {
    const Lba start = base + entry.start.get();
    std::uint64_t length = entry.length.get();
    if (start >= disk_end_)
      return table_.note("partition " + dec(number) + " begins past the end of the disk and is left out");
    if (length > disk_end_ - start) {
      length = disk_end_ - start;
      table_.note("partition " + dec(number) + " reaches past the end of the disk and is cut there");
    }
    Partition partition;
    partition.number = number;
    partition.start = bytes_at(start);
    partition.length = length * sector_size_;
    partition.type = MbrType{entry.type};
    partition.partuuid = mbr_partuuid(sector_.disk_signature.get(), number);
    table_.partitions.push_back(std::move(partition));
  }

  Result<void> follow_chain(const MbrEntry& extended) {
    const Lba base{extended.start.get()};
    Lba record_at = base;
    for (unsigned link = 0; link < max_links; ++link) {
      if (record_at >= disk_end_) {
        table_.note("the chain of logical partitions leads past the end of the disk");
        return {};
      }
      const auto record = TRY_AT(disk_.read_as<MbrSector>(bytes_at(record_at)),
                                 "mbr: extended boot record at sector " + dec(record_at.value));
      if (record.magic.get() != mbr_magic) {
        table_.note("extended boot record at sector " + dec(record_at.value) +
                    " has no signature; the chain ends there");
        return {};
      }
      add_logical(record, record_at, extended);
      const MbrEntry* next = next_link(record);
      if (next == nullptr)
        return {};
      record_at = base + next->start.get();
    }
    table_.note("the chain of logical partitions has more than " + dec(max_links) + " links; the rest is left out");
    return {};
  }

  static const MbrEntry* next_link(const MbrSector& record) {
    for (const MbrEntry& entry : record.entries)
      if (entry.length.get() != 0 && is_extended(entry.type))
        return &entry;
    return nullptr;
  }

  void add_logical(const MbrSector& record, Lba record_at, const MbrEntry& extended) {
    for (unsigned i = 0; i < 4; ++i) {
      const MbrEntry& entry = record.entries[i];
      if (is_empty(entry) || is_extended(entry.type) || next_logical_ >= PartitionTable::max_partitions)
        continue;
      // Only the first two entries are defined; some tools left garbage in the others.
      const Lba begin{extended.start.get()};
      const Lba start = record_at + entry.start.get();
      if (i >= 2 && (start < begin || start + entry.length.get() > begin + extended.length.get()))
        continue;
      add(next_logical_++, entry, record_at);
    }
  }

  BlockReader& disk_;
  const MbrSector& sector_;
  std::uint32_t sector_size_;
  Lba disk_end_; ///< one past the last sector
  unsigned next_logical_ = first_logical;
  PartitionTable table_;
};

} // namespace

bool is_mbr(const MbrSector& sector) {
  if (sector.magic.get() != mbr_magic)
    return false;
  return std::ranges::all_of(sector.entries,
                             [](const MbrEntry& entry) { return entry.status == 0 || entry.status == 0x80; });
}

bool has_protective_entry(const MbrSector& sector) {
  return is_mbr(sector) &&
         std::ranges::any_of(sector.entries, [](const MbrEntry& entry) { return entry.type == mbr_type_protective; });
}

bool announces_gpt(const MbrSector& sector) {
  if (sector.magic.get() != mbr_magic)
    return false;
  return std::ranges::any_of(sector.entries, [](const MbrEntry& entry) {
    return entry.type == mbr_type_protective && entry.start.get() == 1;
  });
}

Result<PartitionTable> read_mbr(BlockReader& disk, const MbrSector& sector, std::uint32_t sector_size) {
  return MbrParser(disk, sector, sector_size).parse();
}

} // namespace pvboot::fs
