// Any bytes as a disk: read_partitions ends, and every partition that it gives lies on the disk.
//
// The first byte: bit 0 makes blocks of 4 KiB; bit 1 makes the GPT header's checksums right, so that what lies behind
// them is reached.
#include "base/memory_source.hpp"
#include "fs/checksum.hpp"
#include "fs/partition/gpt.hpp"
#include "fs/partition/partition_source.hpp"

#include <cstdlib>

using namespace pvboot;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

void seal(std::vector<std::byte>& disk, std::uint64_t block_size) {
  auto header = read_as<fs::GptHeader>(disk, block_size);
  if (!header)
    return;
  const std::uint64_t array = std::uint64_t{header->entry_count.get()} * header->entry_size.get();
  const auto entries =
      header->entries_lba.get() < disk.size() ? cut(disk, header->entries_lba.get() * block_size, array) : Bytes{};
  if (entries)
    header->entries_crc = le32(fs::crc32(*entries));
  header->header_crc = le32(0);
  std::memcpy(disk.data() + block_size, &*header, sizeof *header);
  const auto whole = cut(disk, block_size, header->header_size.get());
  if (!whole)
    return;
  header->header_crc = le32(fs::crc32(*whole));
  std::memcpy(disk.data() + block_size, &*header, sizeof *header);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::uint32_t block_size = (data[0] & 1) != 0 ? 4096 : 512;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> disk(bytes + 1, bytes + size);
  if ((data[0] & 2) != 0)
    seal(disk, block_size);
  MemorySource source(disk, "xvda", block_size);
  BlockReader reader(source, 4);
  const auto table = fs::read_partitions(reader);
  if (!table)
    return 0;
  require(table->partitions.size() <= fs::PartitionTable::max_partitions);
  require(table->notes.size() <= fs::PartitionTable::max_notes);
  unsigned last = 0;
  for (const fs::Partition& partition : table->partitions) {
    require(partition.number > last);
    last = partition.number;
    require(partition.start <= disk.size() && partition.length <= disk.size() - partition.start);
    (void)fs::PartitionSource::create(source, partition);
  }
  return 0;
}
