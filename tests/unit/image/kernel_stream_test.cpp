#include "../codec/samples.hpp"
#include "kernels.hpp"
#include "loader/image/kernel_stream.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::test;

namespace {

/// A kernel of some size: the small one with 300 KB more of text, and something behind its last segment.
Elf large_elf() {
  Elf elf = linux_elf();
  elf.segments[0].bytes = sample(300'000);
  elf.segments[1].paddr += 0x100000;
  elf.segments.push_back({.type = 0x70000000, .flags = 0, .paddr = 0, .bytes = sample(20'000, 3)});
  return elf;
}

} // namespace

TEST_CASE("a bzImage of each compression, and an ELF compressed as a whole, give the ELF file") {
  const Octets elf = large_elf().build();
  for (const Tool& tool : tools()) {
    const Octets packed = filter(tool.command, elf);
    // gzip's own trailer is the size; the other methods have it appended.
    const bool own_size = tool.codec == codec::Codec::gzip;
    const auto word = static_cast<std::uint32_t>(elf.size());
    const Octets image = bzimage(packed, own_size ? std::nullopt : std::optional(word));
    for (const Octets& file : {image, packed})
      for (const std::size_t chunk : {std::size_t{777}, file.size()}) {
        CAPTURE(tool.command, chunk, file.size());
        const auto loaded = load(file, chunk);
        INFO((loaded ? std::string() : loaded.error().text()));
        REQUIRE(loaded);
        CHECK((loaded->content == elf));
      }
  }
}

TEST_CASE("the layout is known before the rest has been read") {
  Elf elf = large_elf();
  std::swap(elf.segments[0], elf.segments[2]);
  const Octets file = elf.build();
  const auto loaded = load(filter("gzip -c", file), 4096).value();
  CHECK(loaded.known_at < file.size() / 2);
}

TEST_CASE("what a bzImage's header says is read") {
  MemoryFile file(bzimage(linux_elf().build(), std::nullopt));
  const auto head = image::peek(file).value();
  CHECK(head.container == image::Container::bzimage);
  CHECK(head.codec == std::nullopt);
  CHECK(head.setup.protocol == 0x20f);
  CHECK(head.setup.version == "6.1.0-test (x@y) #1");
  CHECK(head.content_size == linux_elf().build().size());
  CHECK(image::describe(head) == "bzImage, not compressed");
}

TEST_CASE("trailing bytes after a bzImage are left alone") {
  const Octets elf = linux_elf().build();
  Octets file = bzimage(filter("xz --check=crc32 -c", elf), static_cast<std::uint32_t>(elf.size()));
  file.resize(file.size() + 10'000, std::byte{0xa5});
  CHECK(load(file).value().content == elf);
}

TEST_CASE("padding and other bytes behind an ELF that is compressed as a whole are left alone") {
  const Octets elf = large_elf().build();
  for (const Tool& tool : one_tool_each())
    for (const std::byte filler : {std::byte{0}, std::byte{0xa5}, std::byte{0xff}}) {
      CAPTURE(tool.command, static_cast<int>(filler));
      Octets file = filter(tool.command, elf);
      file.resize(file.size() + 1000, filler);
      const auto loaded = load(file, 5000);
      INFO((loaded ? std::string() : loaded.error().text()));
      REQUIRE(loaded);
      CHECK((loaded->content == elf));
    }
}

TEST_CASE("LZMA states its size or, as the kernel's build makes it, does not") {
  const Octets elf = large_elf().build();
  const Octets unknown = filter("xz --format=lzma -9 -c", elf);
  constexpr std::size_t size_at = 5;
  REQUIRE(read_as<le64>(unknown, size_at).value().get() == ~std::uint64_t{0});
  for (const Octets& packed : {unknown, patched(unknown, size_at, elf.size(), 8)}) {
    const auto loaded = load(packed);
    INFO((loaded ? std::string() : loaded.error().text()));
    REQUIRE(loaded);
    CHECK((loaded->content == elf));
  }
  CHECK_FALSE(load(patched(unknown, size_at, elf.size() + 1, 8)));
  CHECK_FALSE(load(patched(unknown, size_at, elf.size() - 1, 8)));
}

TEST_CASE("what stands behind the ELF in a payload is streamed past, as Debian's relocations are") {
  const Octets elf = large_elf().build();
  Octets with_relocations = elf;
  with_relocations.resize(elf.size() + 80'000, std::byte{0x5a});
  const auto size = static_cast<std::uint32_t>(with_relocations.size());
  const auto loaded = load(bzimage(filter("xz --check=crc32 --x86 --lzma2 -c", with_relocations), size), 999);
  REQUIRE(loaded);
  CHECK((loaded->content == with_relocations));
  CHECK(loaded->info.image_end <= elf.size());
}

TEST_CASE("a bzImage that decodes to another size than it states is corrupt or too large") {
  const Octets elf = linux_elf().build();
  const Octets packed = filter("zstd -q -c", elf);
  const auto stated = [&](std::size_t size) { return load(bzimage(packed, static_cast<std::uint32_t>(size))); };
  CHECK(stated(elf.size()));
  CHECK(stated(elf.size() + 1).error().code() == Code::corrupt);
  CHECK(stated(elf.size() - 1).error().code() == Code::too_large);
}

TEST_CASE("a compressed kernel that is cut off is told as such, at every length") {
  const Octets elf = linux_elf().build();
  const Octets packed = filter("gzip -c", elf);
  for (std::size_t length = 18; length < packed.size(); ++length) {
    CAPTURE(length);
    Octets part(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_FALSE(load(part, 500));
  }
}

TEST_CASE("what is no ELF is told the same in chunks of any size, whole or cut off") {
  Octets archive = octets("070701");
  const Octets more = sample(3000, 5);
  archive.insert(archive.end(), more.begin(), more.end());
  Octets cut = filter("gzip -c", archive);
  cut.resize(500);
  const struct {
    Octets file;
    const char* words;
  } cases[] = {{filter("gzip -c", archive), "gzip: not a kernel: a cpio archive"},
               {filter("gzip -c", bzimage(linux_elf().build(), std::nullopt)), "compressed once more"},
               {cut, "gzip: "}};
  for (const auto& [file, words] : cases) {
    CAPTURE(words);
    const std::string whole = load(file, file.size()).error().text();
    CHECK(whole.find(words) != std::string::npos);
    for (const std::size_t chunk : {1, 7, 64, 300})
      CHECK(load(file, chunk).error().text() == whole);
  }
}

TEST_CASE("a bomb inside a bzImage stops at its stated size") {
  const Octets packed = filter("(head -c 300000000 /dev/zero | xz -0 -c)", {});
  const auto loaded = load(bzimage(packed, 1 << 20));
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code() != Code::out_of_memory);
}
