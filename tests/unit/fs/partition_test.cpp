// Partition tables as the real sfdisk and sgdisk write them, compared with what sfdisk reads; then damaged ones.
#include "base/text.hpp"
#include "fs/partition/gpt.hpp"
#include "fs/partition/mbr.hpp"
#include "fs/partition/partition_source.hpp"
#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace pvboot;
using namespace pvboot::test;
using fs::PartitionScheme;
using fs::PartitionTable;

namespace {

constexpr std::size_t disk_size = 64 << 20;

std::vector<std::byte> made_by(const Scratch& scratch, const std::string& command, std::string_view script) {
  const auto image = scratch / "disk";
  write_file(image, "");
  std::filesystem::resize_file(image, disk_size);
  write_file(scratch / "script", script);
  run("cd " + (scratch / "").string() + " && " + command);
  return read_file(image);
}

/// A disk of zeroes, partitioned by sfdisk from `script`.
std::vector<std::byte> sfdisk_disk(const Scratch& scratch, std::string_view script) {
  return made_by(scratch, "sfdisk -q disk <script && sfdisk -J disk >json", script);
}

/// The same by fdisk, which knows sectors of 4 KiB.
std::vector<std::byte> fdisk_4k_disk(const Scratch& scratch, std::string_view commands) {
  return made_by(scratch, "fdisk -b 4096 disk <script", commands);
}

Result<PartitionTable> table_of(std::vector<std::byte>& disk, unsigned sector_size = 512) {
  MemorySource source(disk, "xvda", sector_size);
  BlockReader reader(source);
  return fs::read_partitions(reader);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Our table is the one that sfdisk printed, but for the extended partition, which holds no filesystem.
void require_as_sfdisk(const PartitionTable& table, const Scratch& scratch) {
  const auto bytes = read_file(scratch / "json");
  const auto json = nlohmann::json::parse(as_text(bytes))["partitiontable"];
  const bool gpt = json["label"] == "gpt";
  REQUIRE(name(table.scheme) == (gpt ? "gpt" : "mbr"));
  std::size_t seen = 0;
  for (const auto& theirs : json.value("partitions", nlohmann::json::array())) {
    if (theirs.is_null()) // sfdisk's way of saying that there are none
      continue;
    const std::string type = lower(theirs["type"]);
    if (!gpt && (type == "5" || type == "f"))
      continue;
    ++seen;
    const std::string node = theirs["node"];
    const auto number = static_cast<unsigned>(std::stoul(node.substr(node.find_last_not_of("0123456789") + 1)));
    INFO("partition " << number);
    const fs::Partition* ours = table.find(number);
    REQUIRE(ours != nullptr);
    CHECK(ours->start == theirs["start"].get<std::uint64_t>() * 512);
    CHECK(ours->length == theirs["size"].get<std::uint64_t>() * 512);
    CHECK(ours->type_text() == (gpt ? type : "0x" + type));
    if (gpt) {
      CHECK(ours->partuuid == lower(theirs["uuid"]));
      CHECK(ours->name == theirs.value("name", ""));
    } else {
      constexpr const char* digits = "0123456789abcdef";
      CHECK(ours->partuuid == json["id"].get<std::string>().substr(2) + "-0" + digits[number]);
    }
  }
  CHECK(table.partitions.size() == seen);
}

void flip(std::vector<std::byte>& disk, std::size_t at) { disk[at] ^= std::byte{0x40}; }

constexpr std::string_view gpt_script = "label: gpt\n"
                                        "1: size=1MiB, type=21686148-6449-6E6F-744E-656564454649\n"
                                        "2: size=20MiB, type=L, name=\"w\xc3\xbcrzel \xf0\x9f\x8c\xb1\"\n"
                                        "5: size=10MiB, type=S, uuid=01234567-89AB-CDEF-0123-456789ABCDEF\n";

/// An MBR by hand, for what no tool would write.
struct HandMade {
  std::vector<std::byte> disk = std::vector<std::byte>(1 << 20);

  void entry(std::size_t sector, unsigned slot, std::uint8_t type, std::uint32_t start, std::uint32_t length) {
    auto record = read_as<fs::MbrSector>(disk, sector * 512).value();
    record.entries[slot] = {.type = type, .start = le32(start), .length = le32(length)};
    record.magic = le16(fs::mbr_magic);
    std::memcpy(disk.data() + sector * 512, &record, sizeof record);
  }
};

} // namespace

TEST_CASE("tables of sfdisk's making are read as sfdisk reads them") {
  struct Case {
    const char* name;
    std::string_view script;
  };
  const Case cases[] = {
      {"gpt", gpt_script},
      {"gpt with 4 entries and 1 in use", "label: gpt\ntable-length: 4\n3: size=1MiB\n"},
      {"gpt without partitions", "label: gpt\n"},
      {"mbr", "label: dos\nlabel-id: 0x1234abcd\n1: size=10MiB, type=83, bootable\n3: size=5MiB, type=82\n"},
      {"logical partitions", "label: dos\nlabel-id: 0x0badcafe\n1: size=10MiB, type=83\n2: size=40MiB, type=5\n"
                             "5: size=3MiB, type=83\n6: size=4MiB, type=82\n7: size=5MiB, type=8e\n8: size=1MiB, "
                             "type=c\n"},
      {"logical partitions first", "label: dos\nlabel-id: 0x0badcafe\n1: size=40MiB, type=f\n4: size=8MiB, type=83\n"
                                   "5: size=3MiB, type=83\n6: size=4MiB, type=83\n"},
  };
  for (const Case& one : cases) {
    INFO(one.name);
    Scratch scratch;
    auto disk = sfdisk_disk(scratch, one.script);
    const auto table = table_of(disk);
    REQUIRE(table);
    CHECK(table->notes.empty());
    CHECK(!table->from_backup);
    require_as_sfdisk(*table, scratch);
  }
}

TEST_CASE("tables with sectors of 4 KiB are read in their own units") {
  Scratch scratch;
  SECTION("gpt") {
    auto disk = fdisk_4k_disk(scratch, "g\nn\n3\n1024\n+511\nw\n");
    for (const unsigned block_size : {4096u, 512u}) {
      const auto table = table_of(disk, block_size);
      INFO((table ? "" : table.error().text()));
      REQUIRE(table);
      REQUIRE(table->partitions.size() == 1);
      CHECK(table->partitions[0].number == 3);
      CHECK(table->partitions[0].start == 1024 * 4096);
      CHECK(table->partitions[0].length == 512 * 4096);
      const std::vector<std::string> note = {"the table was written for sectors of 4096 bytes"};
      CHECK(table->notes == (block_size == 4096 ? std::vector<std::string>{} : note));
    }
  }
  SECTION("mbr") {
    auto disk = fdisk_4k_disk(scratch, "o\nn\ne\n2\n512\n+8191\nn\nl\n1024\n+511\nw\n");
    const auto table = table_of(disk, 4096);
    REQUIRE(table);
    REQUIRE(table->partitions.size() == 1);
    CHECK(table->partitions[0].number == 5);
    CHECK(table->partitions[0].start == 1024 * 4096);
    CHECK(table->partitions[0].length == 512 * 4096);
  }
}

TEST_CASE("a GPT written for 512-byte sectors is found through sectors of 4 KiB") {
  Scratch scratch;
  auto disk = sfdisk_disk(scratch, gpt_script);
  const auto table = table_of(disk, 4096);
  INFO((table ? "" : table.error().text()));
  REQUIRE(table);
  require_as_sfdisk(*table, scratch);
  CHECK(table->notes == std::vector<std::string>{"the table was written for sectors of 512 bytes"});
}

TEST_CASE("a hybrid MBR does not hide the GPT") {
  Scratch scratch;
  auto disk = sfdisk_disk(scratch, gpt_script);
  run("sgdisk --hybrid 2:5 " + (scratch / "disk").string());
  disk = read_file(scratch / "disk");
  const auto table = table_of(disk);
  REQUIRE(table);
  require_as_sfdisk(*table, scratch);
}

TEST_CASE("a GPT is read from its backup when the primary is damaged") {
  Scratch scratch;
  const auto good = sfdisk_disk(scratch, gpt_script);
  struct Case {
    std::size_t at;
    const char* reason;
  };
  const Case cases[] = {
      {512, "no \"EFI PART\" signature"},
      {512 + 12, "impossible header size"},
      {512 + 40, "header checksum mismatch"},
      {1024 + 20, "checksum mismatch of the entries"},
      {1024 + 127 * 128, "checksum mismatch of the entries"},
  };
  for (const Case& one : cases) {
    auto disk = good;
    flip(disk, one.at);
    const auto table = table_of(disk);
    REQUIRE(table);
    CHECK(table->from_backup);
    REQUIRE(table->notes.size() == 1);
    CHECK(table->notes[0] ==
          std::string("read from the backup, as Linux does only with `gpt` on its command line; the primary: ") +
              one.reason);
    require_as_sfdisk(*table, scratch);
  }
}

TEST_CASE("on a disk that has grown the backup is found where the primary says it is") {
  Scratch scratch;
  auto disk = sfdisk_disk(scratch, gpt_script);
  disk.resize(2 * disk_size);
  const auto good = table_of(disk);
  REQUIRE(good);
  CHECK(!good->from_backup);
  flip(disk, 1024);
  const auto table = table_of(disk);
  REQUIRE(table);
  CHECK(table->from_backup);
  require_as_sfdisk(*table, scratch);
}

TEST_CASE("a GPT without a usable copy is refused, and each copy's damage is named") {
  Scratch scratch;
  auto disk = sfdisk_disk(scratch, gpt_script);
  flip(disk, 512 + 40);
  flip(disk, disk_size - 512 - 32 * 512);
  const auto table = table_of(disk);
  REQUIRE(!table);
  CHECK(table.error().code() == Code::corrupt);
  CHECK(table.error().text() == "gpt: primary header: header checksum mismatch; backup header: checksum mismatch of "
                                "the entries: neither copy can be used");
}

TEST_CASE("a GPT on a disk that was cut short keeps what is left, with a note") {
  Scratch scratch;
  auto disk = sfdisk_disk(scratch, gpt_script);
  disk.resize(25 << 20);
  const auto table = table_of(disk);
  REQUIRE(table);
  REQUIRE(table->partitions.size() == 3);
  CHECK(table->notes == std::vector<std::string>{"partition 5 reaches past the end of the disk and is cut there"});
  CHECK(table->partitions[2].start + table->partitions[2].length == disk.size());
}

TEST_CASE("disks without a table are whole disks") {
  SECTION("zeroes") {
    std::vector<std::byte> disk(1 << 20);
    const auto table = table_of(disk);
    REQUIRE(table);
    CHECK(table->scheme == PartitionScheme::none);
    CHECK(table->notes.empty());
  }
  SECTION("smaller than a sector") {
    std::vector<std::byte> disk(100);
    CHECK(table_of(disk)->scheme == PartitionScheme::none);
  }
  SECTION("an MBR without entries") {
    HandMade made;
    made.entry(0, 0, 0, 0, 0);
    const auto table = table_of(made.disk);
    REQUIRE(table);
    CHECK(table->scheme == PartitionScheme::none);
    CHECK(table->notes.size() == 1);
  }
  SECTION("a boot sector whose entries are code") {
    HandMade made;
    made.entry(0, 0, 0x83, 1, 10);
    made.disk[446] = std::byte{0x33};
    const auto table = table_of(made.disk);
    REQUIRE(table);
    CHECK(table->scheme == PartitionScheme::none);
    CHECK(table->notes.size() == 1);
  }
  SECTION("a protective entry in the wrong place") {
    HandMade made;
    made.entry(0, 0, 0xee, 2, 10);
    made.entry(0, 1, 0x83, 20, 10);
    const auto table = table_of(made.disk);
    REQUIRE(table);
    CHECK(table->scheme == PartitionScheme::none);
    CHECK(table->notes.size() == 1);
  }
  SECTION("a GPT that no MBR announces") {
    Scratch scratch;
    auto disk = sfdisk_disk(scratch, gpt_script);
    std::fill_n(disk.begin(), 512, std::byte{});
    const auto table = table_of(disk);
    REQUIRE(table);
    CHECK(table->scheme == PartitionScheme::none);
    CHECK(table->notes == std::vector<std::string>{"a GPT without a protective MBR is left alone, as Linux does"});
  }
}

TEST_CASE("hostile chains of logical partitions end, and keep what came before") {
  HandMade made;
  made.entry(0, 0, 0x83, 1, 10);
  made.entry(0, 1, 0x05, 100, 1000);
  made.entry(100, 0, 0x83, 1, 5);
  SECTION("a record that leads to itself") {
    made.entry(100, 1, 0x05, 0, 1000);
    const auto table = table_of(made.disk);
    REQUIRE(table);
    CHECK(table->partitions.size() == 1 + 128);
    CHECK(table->notes.front() == "the chain of logical partitions has more than 128 links; the rest is left out");
  }
  SECTION("a record past the end of the disk") {
    made.entry(100, 1, 0x0f, 0xfffffff0, 1000);
    const auto table = table_of(made.disk);
    REQUIRE(table);
    REQUIRE(table->partitions.size() == 2);
    CHECK(table->partitions[1].number == 5);
    CHECK(table->partitions[1].start == 101 * 512);
    CHECK(table->notes == std::vector<std::string>{"the chain of logical partitions leads past the end of the disk"});
  }
  SECTION("a record without a signature") {
    made.entry(100, 1, 0x05, 50, 1000);
    const auto table = table_of(made.disk);
    REQUIRE(table);
    CHECK(table->partitions.size() == 2);
    CHECK(table->notes ==
          std::vector<std::string>{"extended boot record at sector 150 has no signature; the chain ends there"});
  }
}

TEST_CASE("an entry counts by its length, whatever its type, as Linux counts") {
  HandMade made;
  made.entry(0, 0, 0x00, 1, 10);
  made.entry(0, 1, 0x05, 100, 1000);
  made.entry(100, 0, 0x00, 1, 5);
  made.entry(100, 1, 0x05, 50, 100);
  made.entry(150, 0, 0x83, 1, 5);
  const auto table = table_of(made.disk);
  REQUIRE(table);
  REQUIRE(table->partitions.size() == 3);
  CHECK(table->partitions[0].number == 1);
  CHECK(table->partitions[1].number == 5);
  CHECK(table->partitions[2].number == 6);
  CHECK(table->partitions[2].start == 151 * 512);
}

TEST_CASE("entries that overlap or do not fit are tolerated with a note") {
  HandMade made;
  made.entry(0, 0, 0x83, 1, 10);
  made.entry(0, 1, 0x83, 10, 10);
  made.entry(0, 2, 0x83, 2000, 1000000);
  made.entry(0, 3, 0x83, 5000000, 1);
  const auto table = table_of(made.disk);
  REQUIRE(table);
  CHECK(table->partitions.size() == 3);
  CHECK(table->notes == std::vector<std::string>{"partition 3 reaches past the end of the disk and is cut there",
                                                 "partition 4 begins past the end of the disk and is left out",
                                                 "partitions 1 and 2 overlap"});
}

TEST_CASE("a partition is a source of its own bytes and of no others") {
  auto disk = noise(1 << 20, 1);
  MemorySource source(disk, "xvda");
  fs::Partition partition{
      .number = 5, .start = 4096, .length = 8192, .type = fs::MbrType{0x83}, .partuuid = {}, .name = {}};
  auto part = fs::PartitionSource::create(source, partition).value();
  CHECK(part->name() == "xvda5");
  CHECK(part->geometry().size == 8192);
  BlockReader reader(*part);
  std::vector<std::byte> out(8192);
  REQUIRE(reader.read(0, out));
  CHECK(std::equal(out.begin(), out.end(), disk.begin() + 4096));

  alignas(512) std::byte sector[512];
  const MutBytes segment = sector;
  BlockRequest request{.offset = 8192, .segments = {&segment, 1}};
  const auto past = part->submit(request);
  REQUIRE(!past);
  CHECK(past.error().text() == "xvda5: block request past the end of the device");
}

TEST_CASE("a partition that is not on the disk's blocks, or not on the disk, is refused") {
  std::vector<std::byte> disk(1 << 20);
  MemorySource source(disk, "nvme0n1", 4096);
  fs::Partition partition{
      .number = 2, .start = 512, .length = 8192, .type = fs::MbrType{0x83}, .partuuid = {}, .name = {}};
  CHECK(fs::PartitionSource::create(source, partition).error().text() ==
        "nvme0n1p2: the partition does not begin on a block of the disk");
  partition.start = disk.size();
  CHECK(fs::PartitionSource::create(source, partition).error().code() == Code::corrupt);
}

TEST_CASE("a request that a full queue turned away can be submitted again") {
  /// Turns away every other request.
  class Busy final : public BlockSource {
  public:
    explicit Busy(MemorySource& below) : below_(below) {}
    BlockGeometry geometry() const override { return below_.geometry(); }
    std::string_view name() const override { return "busy"; }
    Result<bool> submit(BlockRequest& request) override {
      full_ = !full_;
      if (full_)
        return false;
      return below_.submit(request);
    }
    void pump(Duration limit) override { below_.pump(limit); }

  private:
    MemorySource& below_;
    bool full_ = false;
  };
  auto disk = noise(1 << 20, 2);
  MemorySource memory(disk, "xvda");
  Busy source(memory);
  fs::Partition partition{
      .number = 1, .start = 65536, .length = 65536, .type = fs::MbrType{0x83}, .partuuid = {}, .name = {}};
  auto part = fs::PartitionSource::create(source, partition).value();
  BlockReader reader(*part);
  std::vector<std::byte> out(65536);
  REQUIRE(reader.read(0, out));
  CHECK(std::equal(out.begin(), out.end(), disk.begin() + 65536));
}
