#include "fs/partition/partition_table.hpp"

#include "base/text.hpp"
#include "fs/partition/gpt.hpp"
#include "fs/partition/mbr.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {

void note_overlaps(PartitionTable& table) {
  for (std::size_t i = 0; i < table.partitions.size(); ++i)
    for (std::size_t j = i + 1; j < table.partitions.size(); ++j) {
      const Partition& a = table.partitions[i];
      const Partition& b = table.partitions[j];
      if (a.start < b.start + b.length && b.start < a.start + a.length)
        table.note("partitions " + dec(a.number) + " and " + dec(b.number) + " overlap");
    }
}

bool has_stray_gpt(BlockReader& disk) {
  const auto header = disk.read_as<GptHeader>(disk.source().geometry().block_size);
  return header && has_gpt_signature(*header);
}

} // namespace

std::string_view name(PartitionScheme scheme) {
  switch (scheme) {
  case PartitionScheme::none: return "none";
  case PartitionScheme::mbr: return "mbr";
  case PartitionScheme::gpt: return "gpt";
  }
  return "unknown";
}

std::string Partition::type_text() const {
  if (const auto* byte = std::get_if<MbrType>(&type))
    return hex(byte->value);
  if (const auto* guid = std::get_if<Uuid>(&type))
    return guid->text();
  return {};
}

const Partition* PartitionTable::find(unsigned number) const {
  const auto found = std::ranges::find(partitions, number, &Partition::number);
  return found == partitions.end() ? nullptr : &*found;
}

void PartitionTable::note(std::string text) {
  if (notes.size() < max_notes)
    notes.push_back(std::move(text));
}

Result<PartitionTable> read_partitions(BlockReader& disk) {
  PartitionTable table;
  if (disk.size() < sizeof(MbrSector))
    return table;
  const auto sector = TRY_AT(disk.read_as<MbrSector>(0), "boot sector");
  if (announces_gpt(sector)) {
    table = TRY(read_gpt(disk));
  } else if (has_protective_entry(sector)) {
    table.note("the protective MBR does not begin at sector 1; taken as a disk without partitions, as Linux does");
  } else if (is_mbr(sector)) {
    table = TRY(read_mbr(disk, sector, disk.source().geometry().block_size));
  } else if (sector.magic.get() == mbr_magic) {
    table.note("the boot sector's partition entries make no sense; taken as a disk without partitions");
  }
  if (table.scheme != PartitionScheme::gpt && has_stray_gpt(disk))
    table.note("a GPT without a protective MBR is left alone, as Linux does");
  note_overlaps(table);
  return table;
}

} // namespace pvboot::fs
