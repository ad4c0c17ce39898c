// The archive is read by GNU cpio, as what it lists and what it extracts.
#include "loader/discover/newc_archive.hpp"

#include "tests/unit/discover/bundles.hpp"

using namespace pvboot;
using namespace pvboot::loader;
using namespace pvboot::test;

namespace {

struct Wrapped {
  std::string name, content;
};

std::string archive_of(const std::vector<Wrapped>& files) {
  NewcArchive archive;
  std::string out;
  for (const Wrapped& file : files) {
    out += archive.member(file.name, file.content.size()).value() + file.content;
    out.resize((out.size() + 3) / 4 * 4);
  }
  return out + archive.trailer();
}

/// "MODE SIZE NAME" a line, as `cpio -itv` lists the archive.
std::string listed(const Scratch& scratch, const std::string& archive) {
  write_file(scratch / "archive", std::string_view(archive));
  run("cpio -itv --quiet <" + (scratch / "archive").string() + " 2>&1 | awk '{print $1, $3, $4, $5, $NF}' >" +
      (scratch / "listed").string());
  return std::string(as_text(read_file(scratch / "listed")));
}

} // namespace

TEST_CASE("GNU cpio reads what is wrapped, with the folders that lead to it, each once") {
  const Scratch scratch;
  const std::string key = noise_text(4097, 1), script = "#!/bin/sh\nexit 0\n";
  const std::string archive = archive_of({{"top", "1"},
                                          {"//etc/./keys//one", key},
                                          {"etc/keys/two", ""},
                                          {"/etc/script", script},
                                          {"etc/keys/deeper/three", "333"}});
  CHECK(archive.size() % 4 == 0);
  CHECK(listed(scratch, archive) == "-rwxr-xr-x root root 1 top\n"
                                    "drwxr-xr-x root root 0 etc\n"
                                    "drwxr-xr-x root root 0 etc/keys\n"
                                    "-rwxr-xr-x root root 4097 etc/keys/one\n"
                                    "-rwxr-xr-x root root 0 etc/keys/two\n"
                                    "-rwxr-xr-x root root 17 etc/script\n"
                                    "drwxr-xr-x root root 0 etc/keys/deeper\n"
                                    "-rwxr-xr-x root root 3 etc/keys/deeper/three\n");
  run("mkdir " + (scratch / "out").string() + "; cd " + (scratch / "out").string() + "; cpio -id --quiet <../archive");
  CHECK(as_text(read_file(scratch / "out/etc/keys/one")) == key);
  CHECK(as_text(read_file(scratch / "out/etc/script")) == script);
  CHECK(as_text(read_file(scratch / "out/etc/keys/deeper/three")) == "333");
}

TEST_CASE("GNU cpio reads names of every length") {
  const Scratch scratch;
  for (std::size_t length = 1; length <= 9; ++length) {
    const std::string name(length, 'n');
    CHECK(listed(scratch, archive_of({{name, "content"}})) == "-rwxr-xr-x root root 7 " + name + "\n");
  }
}

TEST_CASE("an archive after a trailer has its folders again") {
  NewcArchive archive;
  CHECK(!archive.open());
  const std::string first = archive.member("a/b", 0).value();
  CHECK(archive.open());
  CHECK(archive.member("a/c", 0).value().size() < first.size());
  (void)archive.trailer();
  CHECK(!archive.open());
  CHECK(archive.member("a/b", 0).value() == first);
}

TEST_CASE("a name that no file can have, and what the format cannot hold, are refused") {
  for (const char* name : {"/", "//", ".", "./", "a/", "TRAILER!!!", "/TRAILER!!!"}) {
    INFO(name);
    NewcArchive archive;
    CHECK(archive.member(name, 1).error().code() == Code::invalid);
    CHECK(!archive.open());
  }
  NewcArchive archive;
  CHECK(archive.member(std::string(1024, 'n'), 1).error().code() == Code::too_large);
  CHECK(archive.member(std::string(1023, 'n'), 1));
  std::string deep = "a";
  for (int i = 1; i < 24; ++i)
    deep += "/a";
  CHECK(archive.member(deep, 1));
  CHECK(archive.member(deep + "/a", 1).error().code() == Code::too_large);
  CHECK(archive.member("a", 4_GiB).error().code() == Code::too_large);
  CHECK(archive.member("a", 4_GiB - 1).value().find("FFFFFFFF") != std::string::npos);
}
