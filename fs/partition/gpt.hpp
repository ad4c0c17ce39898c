// The GUID partition table: a header with a checksum, an array of entries with a checksum, and a backup of both.
//
// The primary header is in sector 1, the backup in the disk's last sector (or, on a disk that has grown, where the
// primary says). A copy is used only as a whole: header and entries. Sectors are the disk's logical blocks; a
// table that was written with the other usual size (512 or 4,096) is found too, and a note says so.
//
// Fails with Code::corrupt, naming what is wrong with each copy, when neither can be used. [UEFI 2.10, 5.3]
#pragma once

#include "fs/partition/partition_table.hpp"

#include <array>

namespace pvboot::fs {

struct GptHeader {
  char signature[8] = {}; ///< "EFI PART"
  le32 revision;
  le32 header_size;
  le32 header_crc; ///< over header_size bytes, this field zero
  le32 reserved;
  le64 my_lba;
  le64 alternate_lba;
  le64 first_usable_lba;
  le64 last_usable_lba;
  std::array<std::byte, 16> disk_guid{};
  le64 entries_lba;
  le32 entry_count;
  le32 entry_size;
  le32 entries_crc;
};
static_assert(sizeof(GptHeader) == 92 && alignof(GptHeader) == 1);
static_assert(offsetof(GptHeader, my_lba) == 24 && offsetof(GptHeader, entries_lba) == 72);

struct GptEntry {
  std::array<std::byte, 16> type{};
  std::array<std::byte, 16> unique{};
  le64 first_lba;
  le64 last_lba; ///< inclusive
  le64 attributes;
  le16 name[36]; ///< UTF-16
};
static_assert(sizeof(GptEntry) == 128 && offsetof(GptEntry, name) == 56);

/// Whether the header begins as a GPT's does; nothing else of it is looked at.
bool has_gpt_signature(const GptHeader& header);

Result<PartitionTable> read_gpt(BlockReader& disk);

} // namespace pvboot::fs
