// Paths through an ext filesystem, what a file's runs look like, and what finding them costs.
#include "fs/partition/partition_source.hpp"
#include "fs/path_walk.hpp"
#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace pvboot;
using namespace pvboot::test;

namespace {

/// Counts what is read from it.
class CountingSource final : public BlockSource {
public:
  explicit CountingSource(MutBytes bytes) : memory_(bytes, "xvda1") {}
  BlockGeometry geometry() const override { return memory_.geometry(); }
  std::string_view name() const override { return memory_.name(); }
  Result<bool> submit(BlockRequest& request) override {
    ++requests;
    return memory_.submit(request);
  }
  void pump(Duration limit) override { memory_.pump(limit); }
  std::size_t requests = 0;

private:
  MemorySource memory_;
};

/// A directory that holds itself under every name but "down", which is a link a long way into it.
struct Bottomless {
  int root() { return 0; }
  Result<fs::FileType> type(int node) { return node == 0 ? fs::FileType::directory : fs::FileType::symlink; }
  Result<int> lookup(int, std::string_view name) { return name == "down" ? 1 : 0; }
  Result<std::string> link_text(int) {
    std::string text;
    for (int i = 0; i < 1000; ++i)
      text += "d/";
    return text + "down";
  }
};

std::vector<fs::Run> runs_of(fs::File& file) {
  std::vector<fs::Run> runs;
  for (std::uint64_t at = 0; at < file.size(); at += runs.back().length)
    runs.push_back(file.run_at(at).value());
  return runs;
}

} // namespace

TEST_CASE("paths mean what POSIX says") {
  Scratch scratch;
  const auto tree = scratch / "tree";
  std::filesystem::create_directories(tree / "a/b/c");
  write_file(tree / "a/file", "in a");
  write_file(tree / "a/b/c/file", "in c");
  std::filesystem::create_symlink("a/b/c", tree / "short-cut");
  std::filesystem::create_symlink("/a/file", tree / "a/b/absolute");
  std::filesystem::create_symlink("../file", tree / "a/b/relative");
  std::filesystem::create_symlink("relative", tree / "a/b/twice");
  std::filesystem::create_symlink("loop", tree / "loop");
  std::filesystem::create_symlink("gone/file", tree / "dangling");
  std::filesystem::create_symlink(std::string(3000, '/') + "short-cut/file", tree / "long");
  std::filesystem::create_symlink("../../../../../a/file", tree / "above-root");
  std::filesystem::create_symlink("chain-1", tree / "chain-0");
  for (int i = 1; i < 45; ++i)
    std::filesystem::create_symlink("chain-" + std::to_string(i + 1), tree / ("chain-" + std::to_string(i)));
  write_file(tree / "chain-45", "the end");
  auto image = make_ext(scratch, tree, {.options = "-t ext4 -b 4096", .size_mib = 8});
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();

  const auto text_of = [&](const std::string& path) {
    auto file = fs->open(path);
    return file ? fs::read_text(**file, 100).value() : file.error().text();
  };
  struct Case {
    std::string path;
    std::string result;
  };
  const Case files[] = {
      {"/a/file", "in a"},
      {"a//file", "in a"},
      {"///a/./b/../file", "in a"},
      {"/short-cut/file", "in c"},
      {"/short-cut/../absolute", "in a"},
      {"/short-cut/../../file", "in a"},
      {"/a/b/relative", "in a"},
      {"/a/b/twice", "in a"},
      {"/../../a/file", "in a"},
      {"/above-root", "in a"},
      {"/long", "in c"},
      {"/chain-5", "the end"},
      {"/chain-4", "xvda1: ext4: /chain-44: too many symbolic links"},
      {"/loop", "xvda1: ext4: /loop: too many symbolic links"},
      {"/dangling", "xvda1: ext4: /gone: no such file or directory"},
      {"/a/none/file", "xvda1: ext4: /a/none: no such file or directory"},
      {"/short-cut/none", "xvda1: ext4: /a/b/c/none: no such file or directory"},
      {"/a/file/", "xvda1: ext4: /a/file: not a directory"},
      {"/a/file/..", "xvda1: ext4: /a/file: not a directory"},
      {"/a/\x1b", "xvda1: ext4: /a/\\x1b: no such file or directory"},
      {"/a", "xvda1: ext4: /a: is a directory"},
      {"", "xvda1: ext4: is a directory"},
      {std::string(5000, 'x'), "xvda1: ext4: the path is too long"},
  };
  for (const Case& one : files) {
    INFO(one.path.substr(0, 100));
    CHECK(text_of(one.path) == one.result);
  }
  CHECK(fs->stat("/short-cut", false)->type == fs::FileType::symlink);
  CHECK(fs->stat("/short-cut/", false)->type == fs::FileType::directory);
  CHECK(fs->stat("/short-cut")->type == fs::FileType::directory);
  CHECK(fs->stat("/")->type == fs::FileType::directory);
  CHECK(fs->read_link("/a/b/absolute").value() == "/a/file");
  CHECK(fs->read_link("/a/file").error().text() == "xvda1: ext4: /a/file: is not a symbolic link");
  CHECK(fs->list("/short-cut")->size() == 1);
  CHECK(fs->list("/a/file").error().text() == "xvda1: ext4: /a/file: is not a directory");
  CHECK(fs->open("/none").error().code() == Code::not_found);

  auto text = fs->open("/a/file").value();
  CHECK(fs::read_text(*text, 3).error().code() == Code::too_large);
  std::byte byte;
  CHECK(text->read(4, MutBytes(&byte, 1)).error().code() == Code::invalid);
  CHECK(text->run_at(4).error().code() == Code::invalid);
}

TEST_CASE("links that lead deeper and deeper end at the longest path") {
  Bottomless tree;
  const auto found = fs::PathWalk<Bottomless, int>(tree).find("/down", true);
  REQUIRE(!found);
  CHECK(found.error().code() == Code::too_large);
  CHECK(found.error().message() == "the path is too long");
}

TEST_CASE("modification times are those of the files, before 1970 and after 2038") {
  Scratch scratch;
  const auto tree = scratch / "tree";
  std::filesystem::create_directories(tree);
  const std::int64_t times[] = {-86400, 0, 1700000000, 4000000000, 10000000000};
  for (const std::int64_t time : times) {
    const auto path = tree / std::to_string(time);
    write_file(path, "");
    run("touch -d @" + std::to_string(time) + " " + path.string());
  }
  auto image = make_ext(scratch, tree, {.options = "-t ext4", .size_mib = 8});
  for (const std::int64_t time : times) // mke2fs 1.47 keeps 32 bits; debugfs writes them all
    run("debugfs -w -R 'sif /" + std::to_string(time) + " mtime @" + std::to_string(time) + "' " +
        (scratch / "image").string());
  image = read_file(scratch / "image");
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  for (const std::int64_t time : times)
    CHECK(fs->stat("/" + std::to_string(time))->mtime == time);
}

TEST_CASE("neighbouring extents are one run, and space that was never written is zeroes") {
  Scratch scratch;
  const auto tree = scratch / "tree";
  std::filesystem::create_directories(tree);
  write_file(tree / "large", noise(80 << 20, 1));
  write_file(tree / "reserved", noise(4096, 2));
  // Extents hold at most 32 MiB; no backup superblocks lie between them.
  auto image =
      make_ext(scratch, tree,
               {.options = "-t ext4 -b 1024 -G 256 -O ^has_journal,^resize_inode,sparse_super2 -E num_backup_sb=0",
                .size_mib = 128,
                .debugfs = "fallocate /reserved 8 4000\nsif /reserved size 4096000\n"});
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  CHECK(runs_of(*fs->open("/large").value()).size() == 1);

  auto reserved = fs->open("/reserved").value();
  const auto runs = runs_of(*reserved);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].length == 4096);
  CHECK(runs[1].kind == fs::Run::Kind::zeroes);
  CHECK(runs[1].length == 4096000 - 4096);
}

TEST_CASE("small files and directories that lie in their inodes come from there") {
  Scratch scratch;
  const auto tree = scratch / "tree";
  std::filesystem::create_directories(tree / "dir");
  for (const std::size_t size : {1, 60, 100, 700})
    write_file(tree / "dir" / std::to_string(size), noise(size, 1));
  auto image = make_ext(scratch, tree, {.options = "-t ext4 -O inline_data -I 1024", .size_mib = 8});
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  CHECK(fs->stat("/dir")->size < 1024); // or it would be whole blocks
  CHECK(fs->list("/dir")->size() == 4);
  for (const std::size_t size : {1, 60, 100, 700}) {
    auto file = fs->open("/dir/" + std::to_string(size)).value();
    const fs::Run run = file->run_at(0).value();
    CHECK(run.kind == fs::Run::Kind::inline_bytes);
    CHECK(std::ranges::equal(run.bytes, noise(size, 1)));
  }
}

TEST_CASE("a directory in its inode that pretends to be large is refused before it is read") {
  Scratch scratch;
  std::filesystem::create_directories(scratch / "tree" / "dir");
  write_file(scratch / "tree" / "dir" / "file", "text");
  auto image = make_ext(scratch, scratch / "tree",
                        {.options = "-t ext4 -O inline_data", .size_mib = 8, .debugfs = "sif /dir size 33554432\n"});
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  const auto names = fs->list("/dir");
  REQUIRE(!names);
  CHECK(names.error().code() == Code::corrupt);
  CHECK(names.error().message() == "a directory larger than the inode that holds it");
}

TEST_CASE("what was wished compressed (chattr +c) is read as it lies") {
  Scratch scratch;
  std::filesystem::create_directories(scratch / "tree" / "dir");
  write_file(scratch / "tree" / "dir" / "file", "text");
  auto image = make_ext(
      scratch, scratch / "tree",
      {.options = "-t ext4", .size_mib = 8, .debugfs = "sif /dir flags 0x80004\nsif /dir/file flags 0x80004\n"});
  run("debugfs -R 'stat /dir/file' " + (scratch / "image").string() + " | grep -q 'Flags: 0x80004'");
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  CHECK(fs->list("/dir")->size() == 1);
  CHECK(fs::read_text(*fs->open("/dir/file").value(), 100).value() == "text");
}

TEST_CASE("going through a file's runs reads each piece of its metadata about once") {
  for (const char* options : {"-t ext4 -b 1024 -N 200", "-t ext2 -b 1024 -N 200"}) {
    Scratch scratch;
    const auto tree = scratch / "tree";
    std::filesystem::create_directories(tree);
    write_file(tree / "comb", "");
    constexpr std::size_t teeth = 6000;
    std::filesystem::resize_file(tree / "comb", teeth * 8192);
    {
      std::fstream out(tree / "comb", std::ios::in | std::ios::out | std::ios::binary);
      for (std::size_t i = 0; i < teeth; ++i) {
        out.seekp(static_cast<std::streamoff>(i * 8192));
        out << "tooth";
      }
    }
    auto image = make_ext(scratch, tree, {.options = options, .size_mib = 64});
    CountingSource source(image);
    auto fs = fs::probe(source).value();
    auto file = fs->open("/comb").value();
    source.requests = 0;
    const auto runs = runs_of(*file);
    CHECK(runs.size() == 2 * teeth);
    // About 6000 / 84 extent leaves, 48000 / 256 pointer blocks.
    INFO(options << ": " << source.requests << " requests");
    CHECK(source.requests < 250);
    // A small step inside a large run costs nothing.
    source.requests = 0;
    for (std::uint64_t at = file->size() - 4096; at < file->size(); ++at)
      REQUIRE(file->run_at(at));
    CHECK(source.requests < 10);
  }
}

TEST_CASE("a filesystem in a partition is read through the partition") {
  Scratch scratch;
  plant_tree(scratch / "tree");
  const auto image = make_ext(scratch, scratch / "tree", {.options = "-t ext4", .size_mib = 32});
  const auto disk_path = scratch / "disk";
  write_file(disk_path, "");
  std::filesystem::resize_file(disk_path, 48 << 20);
  run("printf 'label: gpt\\nstart=2048, size=32MiB\\n' | sfdisk -q " + disk_path.string());
  auto disk = read_file(disk_path);
  std::ranges::copy(image, disk.begin() + (1 << 20));
  MemorySource source(disk, "xvda");
  BlockReader reader(source);
  const auto table = fs::read_partitions(reader).value();
  auto part = fs::PartitionSource::create(source, table.partitions.at(0)).value();
  auto fs = fs::probe(*part).value();
  CHECK(fs::probe(source).error().code() == Code::not_found);
  CHECK(fs->open("/none").error().text() == "xvda1: ext4: /none: no such file or directory");
  auto file = fs->open("/sizes/3000001").value();
  std::vector<std::byte> bytes(file->size());
  REQUIRE(file->read(0, bytes));
  CHECK(bytes == noise(3000001, 3000001));
  CHECK(file->run_at(0)->source == part.get());
}

TEST_CASE("a directory with more names than are listed is refused, not cut") {
  Scratch scratch;
  std::filesystem::create_directories(scratch / "tree" / "many");
  for (std::size_t i = 0; i <= fs::Filesystem::max_entries; ++i)
    write_file(scratch / "tree" / "many" / std::to_string(i), "");
  auto image = make_ext(scratch, scratch / "tree", {.options = "-t ext4 -N 20000 -O inline_data", .size_mib = 64});
  MemorySource source(image, "xvda1");
  auto fs = fs::probe(source).value();
  CHECK(fs->list("/many").error().code() == Code::too_large);
  CHECK(fs->open("/many/16384"));
}
