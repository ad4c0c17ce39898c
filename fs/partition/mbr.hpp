// The MBR: four entries in the first sector, and a chain of extended boot records for logical partitions.
//
// An extended boot record's first entry is a partition, relative to the record; an entry of an extended type is the
// next record, relative to the extended partition. The chain is followed at most `max_links` long and only inside
// the disk; where it breaks, the partitions before the break stay and a note says why.
#pragma once

#include "fs/partition/partition_table.hpp"

#include <array>

namespace pvboot::fs {

struct MbrEntry {
  u8 status = 0; ///< 0x80: active
  u8 first_chs[3] = {};
  u8 type = 0;
  u8 last_chs[3] = {};
  le32 start; ///< in sectors
  le32 length;
};
static_assert(sizeof(MbrEntry) == 16 && alignof(MbrEntry) == 1);

struct MbrSector {
  u8 boot_code[440] = {};
  le32 disk_signature;
  u8 reserved[2] = {};
  MbrEntry entries[4];
  le16 magic; ///< 0xaa55
};
static_assert(sizeof(MbrSector) == 512 && offsetof(MbrSector, entries) == 446 && offsetof(MbrSector, magic) == 510);

constexpr std::uint16_t mbr_magic = 0xaa55;
constexpr std::uint8_t mbr_type_protective = 0xee;

/// Whether Linux would look for a GPT behind this sector: a protective or a hybrid MBR.
bool announces_gpt(const MbrSector& sector);

/// Whether an entry says that the sector only protects a GPT; Linux then takes nothing else from it.
bool has_protective_entry(const MbrSector& sector);

/// Whether the sector holds a partition table at all: its magic, and each entry's status 0 or 0x80.
bool is_mbr(const MbrSector& sector);

/// The partitions of an MBR; scheme none when every entry is empty. `sector_size` is the unit of its numbers.
Result<PartitionTable> read_mbr(BlockReader& disk, const MbrSector& sector, std::uint32_t sector_size);

} // namespace pvboot::fs
