// Damaged and hostile ext filesystems: every kind of metadata, bit by bit, gives an error that names it.
#include "fs/checksum.hpp"
#include "fs/ext/format.hpp"
#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

using namespace pvboot;
using namespace pvboot::test;
using namespace pvboot::fs::ext;

namespace {

/// Where debugfs finds things in the image that make_ext left in `scratch`.
std::uint64_t ask(const Scratch& scratch, const std::string& question, const std::string& filter) {
  run("debugfs -R '" + question + "' " + (scratch / "image").string() + " 2>/dev/null | " + filter + " >" +
      (scratch / "answer").string());
  const auto answer = read_file(scratch / "answer");
  INFO(question << " | " << filter << ": " << as_text(answer));
  return std::stoull(std::string(as_text(answer)));
}

std::uint64_t inode_of(const Scratch& scratch, const std::string& path) {
  return ask(scratch, "stat " + path, "sed -n 's/^Inode: *\\([0-9]*\\).*/\\1/p'");
}

/// Byte offset of an inode.
std::uint64_t inode_at(const Scratch& scratch, const std::string& path, std::uint64_t block_size) {
  const std::string filter_block = "sed -n 's/.*located at block \\([0-9]*\\), offset.*/\\1/p'";
  const std::string filter_offset = "sed -n 's/.*, offset \\(0x[0-9a-f]*\\).*/\\1/p' | xargs printf '%d'";
  return ask(scratch, "imap " + path, filter_block) * block_size + ask(scratch, "imap " + path, filter_offset);
}

std::uint64_t block_of(const Scratch& scratch, const std::string& path, unsigned nth) {
  return ask(scratch, "bmap " + path + " " + std::to_string(nth), "cat");
}

/// What trying `path` on the image says: by listing it, or by reading all of its runs.
std::string failure_of(std::vector<std::byte>& image, const std::string& path, bool directory = false) {
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source);
  if (!fs)
    return fs.error().text();
  if (directory) {
    const auto names = (*fs)->list(path);
    return names ? "" : names.error().text();
  }
  auto file = (*fs)->open(path);
  if (!file)
    return file.error().text();
  for (std::uint64_t at = 0; at < (*file)->size();) {
    const auto run = (*file)->run_at(at);
    if (!run)
      return run.error().text();
    at += run->length;
  }
  return "";
}

void flip(std::vector<std::byte>& image, std::uint64_t at) { image.at(at) ^= std::byte{0x04}; }

/// A small filesystem of 1 KiB blocks with one of everything.
struct Sample {
  Scratch scratch;
  std::vector<std::byte> image;

  explicit Sample(const std::string& options, bool index = false) {
    const auto tree = scratch / "tree";
    std::filesystem::create_directories(tree / "dir");
    write_file(tree / "dir" / "file", noise(50000, 1));
    write_file(tree / "comb", "");
    std::filesystem::resize_file(tree / "comb", 8 << 20);
    {
      std::fstream out(tree / "comb", std::ios::in | std::ios::out | std::ios::binary);
      for (int i = 0; i < 1000; ++i) {
        out.seekp(i * 8192);
        out << "tooth";
      }
    }
    std::filesystem::create_directories(tree / "crowd");
    for (int i = 0; i < 300; ++i)
      write_file(tree / "crowd" / ("a-rather-long-name-" + std::to_string(i)), "x");
    image =
        make_ext(scratch, tree, {.options = "-b 1024 -N 1000 " + options, .size_mib = 8, .index_directories = index});
  }
};

Superblock superblock_of(const std::vector<std::byte>& image) {
  return read_as<Superblock>(image, superblock_offset).value();
}

/// Writes the superblock back, with a checksum that is right.
void seal(std::vector<std::byte>& image, Superblock raw) {
  const Bytes bytes = std::as_bytes(std::span(&raw, 1));
  raw.checksum = le32(fs::crc32c_update(~0u, bytes.first(offsetof(Superblock, checksum))));
  std::memcpy(image.data() + superblock_offset, &raw, sizeof raw);
}

} // namespace

TEST_CASE("a flipped bit in any kind of ext4 metadata gives an error that names it") {
  Sample sample("-t ext4 -O metadata_csum", true);
  const auto inode = [&](const std::string& path) { return std::to_string(inode_of(sample.scratch, path)); };
  const std::uint64_t tree_block =
      ask(sample.scratch, "stat /comb", "sed -n 's/.*(ETB[0-9]*):\\([0-9]*\\).*/\\1/p' | head -1");
  struct Case {
    const char* name;
    std::uint64_t at;
    const char* path;
    bool directory;
    std::string error;
  };
  const std::uint64_t dir_block = block_of(sample.scratch, "/dir", 0);
  const std::uint64_t index_block = block_of(sample.scratch, "/crowd", 0);
  const std::uint64_t leaf_block = block_of(sample.scratch, "/crowd", 3);
  const Case cases[] = {
      {"group descriptor", 2048 + 8, "/dir/file", false, "xvda1: ext4: /dir: group 0: descriptor checksum mismatch"},
      {"inode", inode_at(sample.scratch, "/dir/file", 1024) + 4, "/dir/file", false,
       "xvda1: ext4: /dir/file: inode " + inode("/dir/file") + ": checksum mismatch"},
      {"high half of an inode's checksum", inode_at(sample.scratch, "/dir/file", 1024) + 0x82, "/dir/file", false,
       "xvda1: ext4: /dir/file: inode " + inode("/dir/file") + ": checksum mismatch"},
      {"extent block", tree_block * 1024 + 500, "/comb", false,
       "xvda1: ext4: inode " + inode("/comb") + ": extent block " + std::to_string(tree_block) + ": checksum mismatch"},
      {"directory block", dir_block * 1024 + 9, "/dir", true,
       "xvda1: ext4: inode " + inode("/dir") + ": directory block 0: checksum mismatch"},
      {"directory block's checksum", dir_block * 1024 + 1023, "/dir/file", false,
       "xvda1: ext4: /dir/file: inode " + inode("/dir") + ": directory block 0: checksum mismatch"},
      {"directory index", index_block * 1024 + 40, "/crowd", true,
       "xvda1: ext4: inode " + inode("/crowd") + ": directory block 0: index checksum mismatch"},
      {"hashed directory's leaf", leaf_block * 1024 + 100, "/crowd", true,
       "xvda1: ext4: inode " + inode("/crowd") + ": directory block 3: checksum mismatch"},
  };
  CHECK(failure_of(sample.image, "/comb") == "");
  for (const Case& one : cases) {
    INFO(one.name);
    auto image = sample.image;
    flip(image, one.at);
    CHECK(failure_of(image, one.path, one.directory) == one.error);
  }
}

TEST_CASE("a damaged superblock is replaced by its backup, with a warning") {
  for (const char* size : {"1024", "4096"}) {
    Scratch scratch;
    std::filesystem::create_directories(scratch / "tree");
    write_file(scratch / "tree" / "file", "text");
    const Ext how{.options = std::string("-t ext4 -N 1000 -O metadata_csum -b ") + size, .size_mib = 160};
    auto image = make_ext(scratch, scratch / "tree", how);
    flip(image, superblock_offset + 4);
    MemorySource source(image, "xvda1");
    const auto fs = fs::probe(source);
    INFO((fs ? "" : fs.error().text()));
    REQUIRE(fs);
    REQUIRE((*fs)->warnings().size() == 1);
    CHECK((*fs)->warnings()[0].starts_with("its superblock is damaged (checksum mismatch); the backup at byte "));
    CHECK(fs::read_text(*(*fs)->open("/file").value(), 100).value() == "text");
  }
}

TEST_CASE("a superblock that contradicts itself is refused with the reason") {
  struct Case {
    const char* error;
    void (*damage)(Superblock&);
  };
  const Case cases[] = {
      {"xvda1: ext: superblock: impossible block size", [](Superblock& raw) { raw.log_block_size = le32(7); }},
      {"xvda1: ext: superblock: the filesystem is larger than its device",
       [](Superblock& raw) { raw.blocks_count_lo = le32(8193); }},
      {"xvda1: ext: superblock: a filesystem without blocks", [](Superblock& raw) { raw.blocks_count_lo = le32(0); }},
      {"xvda1: ext: superblock: impossible first data block", [](Superblock& raw) { raw.first_data_block = le32(2); }},
      {"xvda1: ext: superblock: impossible number of blocks in a group",
       [](Superblock& raw) { raw.blocks_per_group = le32(0); }},
      {"xvda1: ext: superblock: impossible number of blocks in a group",
       [](Superblock& raw) { raw.blocks_per_group = le32(8193); }},
      {"xvda1: ext: superblock: impossible number of inodes in a group",
       [](Superblock& raw) { raw.inodes_per_group = le32(0); }},
      {"xvda1: ext: superblock: more inodes than the groups hold",
       [](Superblock& raw) { raw.inodes_count = le32(~0u); }},
      {"xvda1: ext: superblock: impossible inode size", [](Superblock& raw) { raw.inode_size = le16(192); }},
      {"xvda1: ext: superblock: impossible inode size", [](Superblock& raw) { raw.inode_size = le16(2048); }},
      {"xvda1: ext: superblock: impossible size of a group descriptor",
       [](Superblock& raw) { raw.desc_size = le16(32); }},
      {"xvda1: ext: unknown type of checksum", [](Superblock& raw) { raw.checksum_type = 2; }},
      {"xvda1: ext: unknown revision", [](Superblock& raw) { raw.revision = le32(2); }},
      {"xvda1: ext: feature compression: not supported",
       [](Superblock& raw) { raw.feature_incompat = le32(raw.feature_incompat.get() | incompat::compression); }},
      {"xvda1: ext: feature dirdata: not supported",
       [](Superblock& raw) { raw.feature_incompat = le32(raw.feature_incompat.get() | incompat::dirdata); }},
      {"xvda1: ext: incompatible feature 0x40000000: not supported",
       [](Superblock& raw) { raw.feature_incompat = le32(raw.feature_incompat.get() | 0x40000000); }},
      {"xvda1: ext: this is the external journal of another filesystem",
       [](Superblock& raw) { raw.feature_incompat = le32(raw.feature_incompat.get() | incompat::journal_dev); }},
      {"xvda1: no filesystem that is known here", [](Superblock& raw) { raw.magic = le16(0); }},
  };
  Sample sample("-t ext4 -O metadata_csum,64bit");
  REQUIRE(failure_of(sample.image, "/dir/file") == "");
  for (const Case& one : cases) {
    INFO(one.error);
    auto image = sample.image;
    Superblock raw = superblock_of(image);
    one.damage(raw);
    seal(image, raw);
    CHECK(failure_of(image, "/dir/file") == one.error);
  }
}

TEST_CASE("an unclean filesystem is read, and says that its journal was not replayed") {
  Sample sample("-t ext4 -O metadata_csum");
  Superblock raw = superblock_of(sample.image);
  raw.feature_incompat = le32(raw.feature_incompat.get() | incompat::recover);
  seal(sample.image, raw);
  MemorySource source(sample.image, "xvda1");
  const auto fs = fs::probe(source);
  REQUIRE(fs);
  CHECK((*fs)->warnings() ==
        std::vector<std::string>{"it was not cleanly unmounted; files are read without what its journal still holds"});
}

TEST_CASE("what is wrong in ext2, where nothing has a checksum, is found by its shape") {
  Sample sample("-t ext2");
  const std::uint64_t file = inode_at(sample.scratch, "/dir/file", 1024);
  const std::uint64_t dir = block_of(sample.scratch, "/dir", 0) * 1024;
  const std::uint64_t indirect =
      ask(sample.scratch, "stat /dir/file", "sed -n 's/.*(IND):\\([0-9]*\\).*/\\1/p' | head -1");
  const std::string number = std::to_string(inode_of(sample.scratch, "/dir/file"));
  const std::string dir_number = std::to_string(inode_of(sample.scratch, "/dir"));
  struct Case {
    std::uint64_t at;
    std::vector<std::uint8_t> bytes;
    const char* path;
    bool directory;
    std::string error;
  };
  const Case cases[] = {
      {file + 0x28 + 4,
       {0xff, 0xff, 0xff, 0xff},
       "/dir/file",
       false,
       "xvda1: ext2: inode " + number + ": direct pointers: block number outside the filesystem"},
      {file + 0x28 + 48,
       {0xff, 0xff, 0, 0},
       "/dir/file",
       false,
       "xvda1: ext2: inode " + number + ": indirect block 65535: block number outside the filesystem"},
      {indirect * 1024 + 4,
       {0, 0, 0, 1},
       "/dir/file",
       false,
       "xvda1: ext2: inode " + number + ": indirect block " + std::to_string(indirect) +
           ": block number outside the filesystem"},
      {file + 0x1a,
       {0, 0},
       "/dir/file",
       false,
       "xvda1: ext2: /dir/file: inode " + number + ": the inode is not in use"},
      {file + 0x6c,
       {0xff, 0xff, 0xff, 0xff},
       "/dir/file",
       false,
       "xvda1: ext2: /dir/file: inode " + number + ": impossible size"},
      {file + 0x6c,
       {0x10, 0, 0, 0},
       "/dir/file",
       false,
       "xvda1: ext2: inode " + number + ": the file is larger than block pointers can say"},
      {dir + 4,
       {8, 0},
       "/dir",
       true,
       "xvda1: ext2: inode " + dir_number + ": directory block 0: a directory record that does not fit"},
      {dir + 4,
       {0, 0x10},
       "/dir",
       true,
       "xvda1: ext2: inode " + dir_number + ": directory block 0: a directory record that does not fit"},
      {dir + 24,
       {0xff, 0xff, 0xff, 0x7f},
       "/dir/file",
       false,
       "xvda1: ext2: /dir/file: inode 2147483647: no such inode number"},
      {dir + 24 + 9,
       {'/'},
       "/dir",
       true,
       "xvda1: ext2: inode " + dir_number + ": directory block 0: an impossible name"},
      {2048 + 8,
       {0xff, 0xff, 0xff, 0x7f},
       "/dir/file",
       false,
       "xvda1: ext2: /dir: group 0: inode table: block number outside the filesystem"},
  };
  REQUIRE(failure_of(sample.image, "/dir/file") == "");
  for (const Case& one : cases) {
    INFO(one.error);
    auto image = sample.image;
    std::memcpy(image.data() + one.at, one.bytes.data(), one.bytes.size());
    CHECK(failure_of(image, one.path, one.directory) == one.error);
  }
}

TEST_CASE("extent trees without checksums are checked by their shape") {
  Sample sample("-t ext4 -O ^metadata_csum");
  const std::uint64_t root = inode_at(sample.scratch, "/comb", 1024) + 0x28;
  const std::uint64_t node = 1024 * read_as<ExtentIndex>(sample.image, root + 12)->child_lo.get();
  const std::uint64_t leaf = 1024 * read_as<ExtentIndex>(sample.image, node + 12)->child_lo.get();
  const std::string inode = "xvda1: ext4: inode " + std::to_string(inode_of(sample.scratch, "/comb")) + ": ";
  const std::string block = inode + "extent block " + std::to_string(node / 1024) + ": ";
  const std::string leaf_block = inode + "extent block " + std::to_string(leaf / 1024) + ": ";
  REQUIRE(sample.image[root + 6] == std::byte{2}); // two levels below the root, or the cases mean nothing
  struct Case {
    std::uint64_t at;
    std::vector<std::uint8_t> bytes;
    std::string error;
  };
  const Case cases[] = {
      {root, {0}, inode + "extent root: no extent magic"},
      {root + 2, {9}, inode + "extent root: more entries than fit"},
      {root + 4, {200}, inode + "extent root: more entries than fit"},
      {root + 2, {0}, inode + "extent root: an inner node without entries"},
      {root + 6, {6}, inode + "extent root: the extent tree is too deep"},
      {root + 6, {3}, block + "depth does not follow its parent's"},
      {root + 16, {0xff, 0xff, 0xff, 0x7f}, inode + "extent block 2147483647: block number outside the filesystem"},
      {node, {0}, block + "no extent magic"},
      {node + 2, {0xff, 0}, block + "more entries than fit"},
      {node + 12 + 12, {0, 0, 0, 0}, block + "extents out of order or out of range"},
      {leaf + 12 + 4, {0, 0}, leaf_block + "an empty extent"},
      {leaf + 12 + 4, {0xff, 0x7f}, leaf_block + "block number outside the filesystem"},
      {leaf + 24, {0xff, 0xff, 0xff, 0x7f}, leaf_block + "extents out of order or out of range"},
  };
  for (const Case& one : cases) {
    INFO(one.error);
    auto image = sample.image;
    std::memcpy(image.data() + one.at, one.bytes.data(), one.bytes.size());
    CHECK(failure_of(image, "/comb") == one.error);
  }
}

TEST_CASE("encrypted files and directories are refused only where a path touches them") {
  Sample sample("-t ext4 -O ^metadata_csum,encrypt");
  const auto set_flag = [&](const std::string& path, std::uint32_t flag) {
    const std::uint64_t at = inode_at(sample.scratch, path, 1024) + offsetof(RawInode, flags);
    const le32 flags(read_as<le32>(sample.image, at)->get() | flag);
    std::memcpy(sample.image.data() + at, &flags, sizeof flags);
  };
  SECTION("a file") {
    set_flag("/dir/file", inode_flag::encrypted);
    CHECK(failure_of(sample.image, "/dir", true) == "");
    CHECK(failure_of(sample.image, "/comb") == "");
    CHECK(failure_of(sample.image, "/dir/file") ==
          "xvda1: ext4: /dir/file: inode " + std::to_string(inode_of(sample.scratch, "/dir/file")) + ": encrypted");
  }
  SECTION("a directory") {
    set_flag("/dir", inode_flag::encrypted);
    CHECK(failure_of(sample.image, "/", true) == "");
    CHECK(failure_of(sample.image, "/dir", true) ==
          "xvda1: ext4: inode " + std::to_string(inode_of(sample.scratch, "/dir")) + ": the directory is encrypted");
  }
}

TEST_CASE("names in a directory that folds case are found as they are written") {
  Scratch scratch;
  std::filesystem::create_directories(scratch / "tree" / "dir");
  write_file(scratch / "tree" / "dir" / "File", "text");
  auto image =
      make_ext(scratch, scratch / "tree", {.options = "-t ext4 -b 1024 -O casefold,^metadata_csum", .size_mib = 8});
  const std::uint64_t at = inode_at(scratch, "/dir", 1024) + offsetof(RawInode, flags);
  const le32 flags(read_as<le32>(image, at)->get() | inode_flag::casefold);
  std::memcpy(image.data() + at, &flags, sizeof flags);
  CHECK(failure_of(image, "/dir/File") == "");
  CHECK(failure_of(image, "/dir", true) == "");
  CHECK(failure_of(image, "/dir/file") ==
        "xvda1: ext4: /dir/file: no such name as it is written, and folding case is not supported");
}

TEST_CASE("whatever bytes are flipped, reading everything ends") {
  const int rounds = std::getenv("PVBOOT_SOAK") != nullptr ? 1000 : 60;
  const char* varieties[] = {
      "-t ext2",
      "-t ext4 -O metadata_csum",
      "-t ext4 -O ^metadata_csum",
      "-t ext4 -O ^metadata_csum,inline_data",
      "-t ext4 -O ^metadata_csum,^flex_bg,meta_bg,^resize_inode",
  };
  for (const char* options : varieties) {
    INFO(options);
    Sample sample(options, true);
    {
      MemorySource source(sample.image, "xvda1");
      REQUIRE(read_everything(source) == 0);
    }
    // Only blocks that hold something: flipping zeroes teaches little.
    std::vector<std::size_t> used;
    for (std::size_t at = 0; at < sample.image.size(); at += 16)
      if (std::any_of(sample.image.begin() + at, sample.image.begin() + at + 16,
                      [](auto b) { return b != std::byte{}; }))
        used.push_back(at);
    std::mt19937 random(1);
    std::size_t errors = 0;
    for (int round = 0; round < rounds; ++round) {
      auto image = sample.image;
      for (unsigned flips = 1u << random() % 8; flips > 0; --flips)
        image[used[random() % used.size()] + random() % 16] = static_cast<std::byte>(random());
      MemorySource source(image, "xvda1");
      errors += read_everything(source);
    }
    CHECK(errors > 0);
  }
}
