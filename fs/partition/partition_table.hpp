// Which partitions a disk has: GPT, MBR with logical partitions, or none (a filesystem on the whole disk).
//
// The rules are those by which Linux reads the same disk, so that "partition 5" means what the guest means:
// a GPT counts only behind a protective (or hybrid) MBR; logical partitions are numbered from 5 in the order of
// their chain; an empty MBR, or a boot sector whose entries make no sense, is no table. A GPT whose primary copy is
// damaged is read from its backup.
//
// What is odd but does not stop a boot (overlaps, a partition cut at the disk's end, a broken chain of logical
// partitions) is told in `notes`. read_partitions fails with Code::corrupt only when the disk says that it has a
// GPT and neither copy can be used, and with the device's own code when it cannot be read.
//
// [UEFI 2.10, chapter 5: GPT Disk Layout]
#pragma once

#include "base/block_reader.hpp"
#include "fs/uuid.hpp"

#include <string>
#include <variant>
#include <vector>

namespace pvboot::fs {

enum class PartitionScheme : std::uint8_t { none, mbr, gpt };

/// "none", "mbr", "gpt"
std::string_view name(PartitionScheme scheme);

/// The type byte of an MBR entry.
struct MbrType {
  std::uint8_t value = 0;
  auto operator<=>(const MbrType&) const = default;
};

struct Partition {
  unsigned number = 0;      ///< as Linux counts: from 1; logical partitions of an MBR from 5
  std::uint64_t start = 0;  ///< bytes from the start of the disk
  std::uint64_t length = 0; ///< bytes; start + length lies inside the disk
  std::variant<MbrType, Uuid> type;
  std::string partuuid; ///< as in /dev/disk/by-partuuid; empty where the disk has no signature
  std::string name;     ///< GPT only, UTF-8

  /// "0x83", or a GPT type in lower case.
  std::string type_text() const;
};

struct PartitionTable {
  static constexpr std::size_t max_partitions = 256;
  static constexpr std::size_t max_notes = 16;

  PartitionScheme scheme = PartitionScheme::none;
  bool from_backup = false;          ///< GPT: the primary copy is damaged
  std::vector<Partition> partitions; ///< in the order of their numbers
  std::vector<std::string> notes;    ///< for a person

  /// The partition of that number, or nothing.
  const Partition* find(unsigned number) const;

  /// Adds a note, unless there are max_notes.
  void note(std::string text);
};

/// The table of the disk behind `disk`. Places are added from the scheme on: "gpt: backup header: ...".
Result<PartitionTable> read_partitions(BlockReader& disk);

} // namespace pvboot::fs
