// ext2, ext3 and ext4 as the real mke2fs writes them, compared byte for byte with the tree they were made from.
#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::test;

TEST_CASE("every variety of ext gives back the tree it was made from") {
  struct Case {
    const char* name;
    const char* type;
    Ext how;
    bool sparse_files = true; ///< mke2fs 1.47 gives a sparse file a wrong size where there is inline data
  };
  const Case cases[] = {
      {"ext2", "ext2", {.options = "-t ext2"}},
      {"ext2, 1 KiB", "ext2", {.options = "-t ext2 -b 1024 -N 4000"}},
      {"ext2, revision 0", "ext2", {.options = "-t ext2 -r 0 -b 1024 -N 4000 -O none"}},
      {"ext2 without types in directories", "ext2", {.options = "-t ext2 -O ^filetype -N 4000"}},
      {"ext3, hashed directories", "ext3", {.options = "-t ext3 -b 1024 -N 4000", .index_directories = true}},
      {"ext4", "ext4", {.options = "-t ext4"}},
      {"ext4, hashed directories", "ext4", {.options = "-t ext4", .index_directories = true}},
      {"ext4, 1 KiB, hashed", "ext4", {.options = "-t ext4 -b 1024 -N 4000", .index_directories = true}},
      {"ext4, 2 KiB", "ext4", {.options = "-t ext4 -b 2048"}},
      {"ext4, 64 KiB, hashed", "ext4", {.options = "-t ext4 -b 65536", .size_mib = 256, .index_directories = true}},
      {"block pointers with checksums",
       "ext4",
       {.options = "-t ext4 -b 1024 -N 4000 -O ^extents,^64bit,metadata_csum", .index_directories = true}},
      {"checksums of groups only", "ext4", {.options = "-t ext4 -O ^metadata_csum,uninit_bg"}},
      {"checksums of 64-bit groups only", "ext4", {.options = "-t ext4 -O ^metadata_csum,uninit_bg,64bit"}},
      {"no 64bit", "ext4", {.options = "-t ext4 -O ^64bit,^metadata_csum"}},
      {"a checksum seed of its own", "ext4", {.options = "-t ext4 -O metadata_csum_seed"}},
      {"inline data", "ext4", {.options = "-t ext4 -O inline_data"}, false},
      {"inline data, large inodes", "ext4", {.options = "-t ext4 -b 4096 -I 1024 -O inline_data"}, false},
      {"small inodes", "ext4", {.options = "-t ext4 -I 128"}},
      {"meta_bg", "ext4", {.options = "-t ext4 -b 1024 -g 1024 -N 4000 -O meta_bg,^resize_inode"}},
      {"no flex_bg", "ext4", {.options = "-t ext4 -b 1024 -N 4000 -O ^flex_bg"}},
      {"bigalloc", "ext4", {.options = "-t ext4 -O bigalloc -C 16384"}},
      {"bigalloc, 1 KiB", "ext4", {.options = "-t ext4 -b 1024 -O bigalloc -C 4096 -N 4000"}},
      {"sparse_super2", "ext4", {.options = "-t ext4 -O sparse_super2,^resize_inode"}},
      {"large_dir, ea_inode, mmp, quota", "ext4", {.options = "-t ext4 -O large_dir,ea_inode,mmp,quota"}},
      {"stable inodes, verity, orphan file", "ext4", {.options = "-t ext4 -O verity,orphan_file,stable_inodes"}},
  };
  Scratch scratch;
  plant_tree(scratch / "dense");
  plant_tree(scratch / "all");
  plant_sparse_files(scratch / "all");
  for (const Case& one : cases) {
    INFO(one.name);
    const auto tree = scratch / (one.sparse_files ? "all" : "dense");
    auto image = make_ext(scratch, tree, one.how);
    MemorySource source(image, "xvda1");
    auto fs = fs::probe(source);
    INFO((fs ? "" : fs.error().text()));
    REQUIRE(fs);
    CHECK((*fs)->type() == one.type);
    CHECK((*fs)->label() == "a-label");
    CHECK((*fs)->uuid() == "12345678-9abc-def0-1234-56789abcdef0");
    CHECK((*fs)->warnings().empty());
    require_same(**fs, source, image, tree);
  }
}
