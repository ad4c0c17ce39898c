#include "tests/unit/fs/fixture.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

namespace pvboot::test {

namespace stdfs = std::filesystem;

Scratch::Scratch() {
  // In memory where that can be had: images are large and short-lived.
  const stdfs::path folder = access("/dev/shm", W_OK) == 0 ? stdfs::path("/dev/shm") : stdfs::temp_directory_path();
  std::string name = (folder / "pvboot-fs-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  stdfs::remove_all(path_, ignored);
}

void run(const std::string& command, int worst) {
  Scratch scratch;
  const auto log = scratch / "log";
  const std::string line =
      "export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C; { " + command + "\n} >" + log.string() + " 2>&1 </dev/null";
  const int status = std::system(line.c_str());
  const auto output = read_file(log);
  INFO(command << "\n" << as_text(output));
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) <= worst);
}

std::vector<std::byte> read_file(const stdfs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::byte> bytes(stdfs::file_size(path));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(in);
  return bytes;
}

void write_file(const stdfs::path& path, Bytes bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out);
}

void write_file(const stdfs::path& path, std::string_view text) { write_file(path, as_bytes(text)); }

std::vector<std::byte> noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes)
    byte = static_cast<std::byte>(random() >> 24);
  return bytes;
}

std::vector<std::byte> make_ext(const Scratch& scratch, const stdfs::path& tree, const Ext& how) {
  const auto image = scratch / "image";
  stdfs::remove(image);
  run("mke2fs -q -F " + how.options + " -L a-label -U 12345678-9abc-def0-1234-56789abcdef0 -d " + tree.string() + " " +
      image.string() + " " + std::to_string(how.size_mib) + "M");
  if (!how.debugfs.empty()) {
    write_file(scratch / "commands", how.debugfs);
    run("debugfs -w -f " + (scratch / "commands").string() + " " + image.string());
  }
  if (how.index_directories)
    run("e2fsck -fyD " + image.string(), 1);
  return read_file(image);
}

namespace {

/// `count` pieces of `piece` bytes, each followed by a hole as large.
void plant_comb(const stdfs::path& path, std::size_t piece, std::size_t count) {
  const auto bytes = noise(piece * count, 7);
  std::ofstream out(path, std::ios::binary);
  for (std::size_t i = 0; i < count; ++i) {
    out.seekp(static_cast<std::streamoff>(2 * i * piece));
    out.write(reinterpret_cast<const char*>(bytes.data() + i * piece), static_cast<std::streamsize>(piece));
  }
  out.close();
  stdfs::resize_file(path, 2 * piece * count + 12345);
}

void plant_links(const stdfs::path& root) {
  stdfs::create_symlink("sizes/4097", root / "relative");
  stdfs::create_symlink("/deep/a/b", root / "absolute");
  stdfs::create_symlink("absolute/../../sizes", root / "through");
  stdfs::create_symlink("nowhere", root / "dangling");
  stdfs::create_symlink("loop-2", root / "loop-1");
  stdfs::create_symlink("loop-1", root / "loop-2");
  for (const std::size_t length : {1, 58, 59, 60, 61, 150, 900})
    stdfs::create_symlink(std::string(length, 'x'), root / ("link-" + std::to_string(length)));
}

} // namespace

void plant_sparse_files(const stdfs::path& root) {
  stdfs::create_directories(root / "sparse");
  plant_comb(root / "sparse" / "comb", 4096, 800);
  write_file(root / "sparse" / "hole-only", "");
  stdfs::resize_file(root / "sparse" / "hole-only", std::uint64_t{5} << 30);
  write_file(root / "sparse" / "far-end", "");
  stdfs::resize_file(root / "sparse" / "far-end", 200'000'000);
  {
    std::fstream out(root / "sparse" / "far-end", std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(199'999'000);
    out << "far";
  }
}

void plant_tree(const stdfs::path& root) {
  stdfs::create_directories(root / "sizes");
  for (const std::size_t size : {0,    1,    59,   60,   61,   100,   150,   200,   300,    1000,   1023,   1024,
                                 1025, 2049, 4095, 4096, 4097, 12288, 12289, 65536, 100000, 274432, 274433, 3000001})
    write_file(root / "sizes" / std::to_string(size), noise(size, static_cast<std::uint32_t>(size)));

  stdfs::create_directories(root / "deep/a/b/c/d/e/f");
  write_file(root / "deep/a/b/c/d/e/f" / "leaf", "at the bottom");
  write_file(root / "deep/a/b" / "middle", "in the middle");
  stdfs::create_directories(root / "crowd");
  for (int i = 0; i < 1500; ++i)
    write_file(root / "crowd" / ("a-name-that-fills-blocks-" + std::to_string(i)), std::to_string(i));
  stdfs::create_directories(root / "few");
  for (int i = 0; i < 6; ++i)
    write_file(root / "few" / ("entry-" + std::to_string(i)), std::to_string(i));
  write_file(root / "few" / std::string(255, 'n'), "the longest name");
  write_file(root / "few" / "sp ace \xff\x01 \xc3\xa4", "an odd name");
  stdfs::create_directories(root / "empty");
  plant_links(root);
}

namespace {

fs::FileType host_type(const stdfs::directory_entry& entry) {
  if (entry.is_symlink())
    return fs::FileType::symlink;
  if (entry.is_directory())
    return fs::FileType::directory;
  return entry.is_regular_file() ? fs::FileType::regular : fs::FileType::other;
}

class Comparison {
public:
  Comparison(fs::Filesystem& fs, const MemorySource& image, Bytes image_bytes)
      : fs_(fs), image_(image), image_bytes_(image_bytes) {}

  void directory(const stdfs::path& host, const std::string& path) {
    const auto entries = fs_.list(path);
    INFO(path << ": " << (entries ? "" : entries.error().text()));
    REQUIRE(entries);
    std::set<std::string> ours;
    for (const auto& entry : *entries)
      ours.insert(entry.name + "/" + std::to_string(static_cast<int>(entry.type)));
    REQUIRE(ours.size() == entries->size());
    ours.erase("lost+found/" + std::to_string(static_cast<int>(fs::FileType::directory)));
    std::set<std::string> theirs;
    for (const auto& entry : stdfs::directory_iterator(host))
      theirs.insert(entry.path().filename().string() + "/" + std::to_string(static_cast<int>(host_type(entry))));
    REQUIRE(ours == theirs);
    for (const auto& entry : stdfs::directory_iterator(host))
      one(entry, path + "/" + entry.path().filename().string());
  }

private:
  void one(const stdfs::directory_entry& entry, const std::string& path) {
    const auto stat = fs_.stat(path, false);
    INFO(path << ": " << (stat ? "" : stat.error().text()));
    REQUIRE(stat);
    REQUIRE(stat->type == host_type(entry));
    if (entry.is_symlink()) {
      REQUIRE(fs_.read_link(path).value() == stdfs::read_symlink(entry).string());
    } else if (entry.is_directory()) {
      directory(entry.path(), path);
    } else {
      REQUIRE(stat->size == entry.file_size());
      auto file = fs_.open(path);
      INFO((file ? "" : file.error().text()));
      REQUIRE(file);
      REQUIRE((*file)->size() == entry.file_size());
      runs(**file, entry.path());
      reads(**file, entry.path());
    }
  }

  /// Each run's bytes are the host file's at the same place; zero runs are compared without reading gigabytes.
  void runs(fs::File& file, const stdfs::path& host) {
    std::ifstream in(host, std::ios::binary);
    std::vector<char> expected;
    std::uint64_t at = 0;
    std::uint64_t disk_end = 0; // of the run before
    while (at < file.size()) {
      const auto run = file.run_at(at);
      INFO("run at " << at << ": " << (run ? "" : run.error().text()));
      REQUIRE(run);
      REQUIRE(run->offset == at);
      REQUIRE(run->length > 0);
      REQUIRE(run->length <= file.size() - at);
      const std::uint64_t shown = std::min<std::uint64_t>(run->length, 4 << 20);
      expected.resize(shown);
      in.seekg(static_cast<std::streamoff>(at));
      in.read(expected.data(), static_cast<std::streamsize>(shown));
      REQUIRE(in);
      const Bytes wanted = std::as_bytes(std::span(expected));
      if (run->kind == fs::Run::Kind::disk) {
        REQUIRE(run->source == &image_);
        REQUIRE(run->disk_offset != disk_end); // or the two should have been one
        disk_end = run->disk_offset + run->length;
        REQUIRE(run->disk_offset + run->length <= image_bytes_.size());
        REQUIRE(std::ranges::equal(wanted, image_bytes_.subspan(run->disk_offset, shown)));
      } else if (run->kind == fs::Run::Kind::inline_bytes) {
        REQUIRE(std::ranges::equal(wanted, run->bytes));
      } else {
        REQUIRE(run->kind == fs::Run::Kind::zeroes);
        disk_end = 0;
        REQUIRE(std::ranges::all_of(wanted, [](std::byte byte) { return byte == std::byte{}; }));
      }
      at += run->length;
    }
  }

  void reads(fs::File& file, const stdfs::path& host) {
    std::ifstream in(host, std::ios::binary);
    std::mt19937 random(static_cast<std::uint32_t>(file.size()));
    for (int i = 0; i < 5 && file.size() > 0; ++i) {
      const std::uint64_t at = i == 0 ? 0 : random() % file.size();
      const std::uint64_t count = std::min<std::uint64_t>(file.size() - at, random() % 20000);
      std::vector<char> ours(count), theirs(count);
      REQUIRE(file.read(at, std::as_writable_bytes(std::span(ours))));
      in.seekg(static_cast<std::streamoff>(at));
      in.read(theirs.data(), static_cast<std::streamsize>(count));
      REQUIRE(ours == theirs);
    }
  }

  fs::Filesystem& fs_;
  const MemorySource& image_;
  Bytes image_bytes_;
};

/// Walks a filesystem that may say anything; bounded in what it opens.
class Reader {
public:
  explicit Reader(fs::Filesystem& fs) : fs_(fs) {}

  void directory(const std::string& path, int depth) {
    const auto entries = fs_.list(path);
    if (!entries)
      return failed(entries.error());
    for (const auto& entry : *entries) {
      if (++visited_ > 400)
        return;
      const std::string below = path + "/" + entry.name;
      if (const auto stat = fs_.stat(below); !stat)
        failed(stat.error());
      if (entry.type == fs::FileType::directory && depth < 8)
        directory(below, depth + 1);
      else if (entry.type == fs::FileType::symlink)
        link(below);
      else
        file(below);
    }
  }

  std::size_t errors = 0;

private:
  void failed(const Error& error) {
    REQUIRE(!error.places().empty());
    ++errors;
  }

  void link(const std::string& path) {
    if (const auto target = fs_.read_link(path); !target)
      failed(target.error());
  }

  void file(const std::string& path) {
    auto file = fs_.open(path);
    if (!file)
      return failed(file.error());
    std::byte buffer[4096];
    std::uint64_t at = 0;
    for (int i = 0; i < 200 && at < (*file)->size(); ++i) {
      const auto run = (*file)->run_at(at);
      if (!run)
        return failed(run.error());
      REQUIRE(run->length > 0);
      REQUIRE(run->length <= (*file)->size() - at);
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(run->length, sizeof buffer));
      if (const auto read = (*file)->read(at, MutBytes(buffer, count)); !read)
        return failed(read.error());
      at += run->length;
    }
  }

  fs::Filesystem& fs_;
  std::size_t visited_ = 0;
};

} // namespace

void require_same(fs::Filesystem& fs, const MemorySource& image, Bytes image_bytes, const stdfs::path& root) {
  Comparison(fs, image, image_bytes).directory(root, "");
}

std::size_t read_everything(BlockSource& source) {
  auto fs = fs::probe(source);
  if (!fs)
    return 1;
  Reader reader(**fs);
  reader.directory("", 0);
  return reader.errors;
}

} // namespace pvboot::test
