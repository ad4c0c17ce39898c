#include "fs/partition/gpt.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "fs/checksum.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {

// The array of 128 entries that every tool writes has 16 KiB; this bounds the work for a hostile header.
constexpr std::uint64_t max_array_bytes = 1 << 20;
constexpr std::uint32_t max_entry_size = 4096;

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

std::string name_of(const GptEntry& entry) {
  constexpr std::uint32_t replacement = 0xfffd;
  std::string out;
  for (std::size_t i = 0; i < std::size(entry.name); ++i) {
    std::uint32_t point = entry.name[i].get();
    if (point == 0)
      break;
    if (point >= 0xd800 && point < 0xe000) {
      const std::uint32_t low = i + 1 < std::size(entry.name) ? entry.name[i + 1].get() : 0;
      if (point < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        ++i;
      } else {
        point = replacement;
      }
    }
    append_utf8(out, point);
  }
  return out;
}

/// One copy of the table: where its header is, and the unit of its numbers.
struct Copy {
  Lba header;
  std::uint32_t sector_size;
};

constexpr Lba primary_at{1};

class CopyReader {
public:
  CopyReader(BlockReader& disk, Copy copy) : disk_(disk), copy_(copy), disk_end_{disk.size() / copy.sector_size} {}

  Result<PartitionTable> read() {
    const GptHeader header = TRY(read_header());
    return read_entries(header);
  }

private:
  std::uint64_t bytes_at(Lba sector) const { return sector.value * copy_.sector_size; }

  Result<GptHeader> read_header() {
    if (copy_.header >= disk_end_)
      return fail(Code::corrupt, "lies past the end of the disk");
    const std::uint64_t at = bytes_at(copy_.header);
    const auto header = TRY(disk_.read_as<GptHeader>(at));
    if (!has_gpt_signature(header))
      return fail(Code::corrupt, "no \"EFI PART\" signature");
    const std::uint32_t size = header.header_size.get();
    if (size < sizeof(GptHeader) || size > copy_.sector_size)
      return fail(Code::corrupt, "impossible header size");
    TRY(check_header_crc(header, at));
    if (header.my_lba.get() != copy_.header.value)
      return fail(Code::corrupt, "the header says that it belongs elsewhere");
    if (header.first_usable_lba.get() > header.last_usable_lba.get())
      return fail(Code::corrupt, "the usable area ends before it begins");
    return header;
  }

  Result<void> check_header_crc(const GptHeader& header, std::uint64_t at) {
    std::byte bytes[max_entry_size];
    const MutBytes whole(bytes, header.header_size.get());
    TRY(disk_.read(at, whole));
    std::memset(bytes + offsetof(GptHeader, header_crc), 0, sizeof header.header_crc);
    if (crc32(whole) != header.header_crc.get())
      return fail(Code::corrupt, "header checksum mismatch");
    return {};
  }

  Result<PartitionTable> read_entries(const GptHeader& header) {
    const std::uint64_t size = header.entry_size.get();
    const std::uint64_t count = header.entry_count.get();
    if (size < sizeof(GptEntry) || size > max_entry_size || size % 8 != 0)
      return fail(Code::corrupt, "impossible size of an entry");
    if (count * size > max_array_bytes)
      return fail(Code::too_large, "more partition entries than are read");
    const Lba first{header.entries_lba.get()};
    if (first >= disk_end_ || count * size > disk_.size() - bytes_at(first))
      return fail(Code::corrupt, "the entries lie past the end of the disk");

    table_.scheme = PartitionScheme::gpt;
    std::uint32_t crc = ~std::uint32_t{0};
    std::byte bytes[max_entry_size];
    for (std::uint64_t i = 0; i < count; ++i) {
      const MutBytes whole(bytes, static_cast<std::size_t>(size));
      TRY(disk_.read(bytes_at(first) + i * size, whole));
      crc = crc32_update(crc, whole);
      add(static_cast<unsigned>(i + 1), TRY(read_as<GptEntry>(whole)));
    }
    if (~crc != header.entries_crc.get())
      return fail(Code::corrupt, "checksum mismatch of the entries");
    return std::move(table_);
  }

  void add(unsigned number, const GptEntry& entry) {
    if (Uuid{entry.type}.is_nil())
      return;
    const Lba first{entry.first_lba.get()};
    Lba last{entry.last_lba.get()};
    if (last < first)
      return table_.note("partition " + dec(number) + " ends before it begins and is left out");
    if (first >= disk_end_)
      return table_.note("partition " + dec(number) + " begins past the end of the disk and is left out");
    if (last >= disk_end_) {
      last = disk_end_ - 1;
      table_.note("partition " + dec(number) + " reaches past the end of the disk and is cut there");
    }
    if (table_.partitions.size() == PartitionTable::max_partitions)
      return table_.note("more than " + dec(PartitionTable::max_partitions) + " partitions; the rest is left out");
    Partition partition;
    partition.number = number;
    partition.start = bytes_at(first);
    partition.length = bytes_at(last + 1) - partition.start;
    partition.type = Uuid::from_guid(entry.type);
    partition.partuuid = Uuid::from_guid(entry.unique).text();
    partition.name = name_of(entry);
    table_.partitions.push_back(std::move(partition));
  }

  BlockReader& disk_;
  Copy copy_;
  Lba disk_end_; ///< one past the last sector
  PartitionTable table_;
};

bool device_failed(Code code) { return code == Code::io || code == Code::timed_out || code == Code::gone; }

/// The copies worth trying, best first: primary, where the primary says its backup is, the last sector.
std::vector<Copy> copies(BlockReader& disk, std::uint32_t sector_size) {
  std::vector<Copy> out = {{primary_at, sector_size}};
  if (disk.size() / sector_size < 2)
    return out;
  const Lba last{disk.size() / sector_size - 1};
  const auto primary = disk.read_as<GptHeader>(sector_size);
  if (primary && has_gpt_signature(*primary)) {
    const Lba alternate{primary->alternate_lba.get()};
    if (alternate > primary_at && alternate < last)
      out.push_back({alternate, sector_size});
  }
  if (last > primary_at)
    out.push_back({last, sector_size});
  return out;
}

} // namespace

bool has_gpt_signature(const GptHeader& header) {
  return std::string_view(header.signature, sizeof header.signature) == "EFI PART";
}

Result<PartitionTable> read_gpt(BlockReader& disk) {
  const std::uint32_t own_size = disk.source().geometry().block_size;
  const std::uint32_t other_size = own_size == 512 ? 4096 : 512;
  std::vector<Error> failures; // of the copies in the disk's own sector size: the primary's, then the backups'
  for (const std::uint32_t sector_size : {own_size, other_size})
    for (const Copy copy : copies(disk, sector_size)) {
      auto table = CopyReader(disk, copy).read();
      if (table) {
        table->from_backup = copy.header != primary_at;
        if (table->from_backup && !failures.empty())
          table->note("read from the backup, as Linux does only with `gpt` on its command line; the primary: " +
                      failures.front().text());
        if (sector_size != own_size)
          table->note("the table was written for sectors of " + dec(sector_size) + " bytes");
        return table;
      }
      if (sector_size == own_size)
        failures.push_back(std::move(table).error());
    }
  const Error& primary = failures.front();
  const Error& backup = failures.back();
  Error failure(device_failed(primary.code()) ? primary.code() : Code::corrupt, "neither copy can be used");
  return std::unexpected(
      std::move(failure).at("primary header: " + primary.text() + "; backup header: " + backup.text()).at("gpt"));
}

} // namespace pvboot::fs
