// Our reading of ELF files held against libelf's: generated files, mutated ones, and Debian's kernels with mutated
// tables. PVBOOT_SOAK does a hundred times as many.
#include "elf_judge.hpp"

#include "cached_files.hpp"
#include "kernels.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

using namespace pvboot;
using namespace pvboot::test;

namespace {

unsigned rounds(unsigned usual) { return std::getenv("PVBOOT_SOAK") != nullptr ? 100 * usual : usual; }

unsigned below(std::mt19937& random, std::size_t limit) { return static_cast<unsigned>(random() % limit); }

/// Kernels of all shapes: segments and sections in any number, tables in either place.
pvboot::test::Elf random_elf(std::mt19937& random) {
  pvboot::test::Elf elf = linux_elf();
  elf.entry = random();
  elf.tables_last = below(random, 2) == 0;
  for (unsigned i = below(random, 6); i > 0; --i)
    elf.segments.push_back({.type = below(random, 8),
                            .flags = below(random, 16),
                            .paddr = std::uint64_t{random()} << below(random, 32),
                            .bytes = Octets(below(random, 200), std::byte{7}),
                            .memory_size = below(random, 10'000),
                            .vaddr = random()});
  for (unsigned i = below(random, 6); i > 0; --i)
    elf.sections.push_back({.name = ".s" + std::to_string(below(random, 100)),
                            .type = 1 + below(random, 12),
                            .bytes = Octets(below(random, 100), std::byte{9}),
                            .link = below(random, 5)});
  return elf;
}

/// Values at which readers of fields go wrong.
std::uint64_t odd_value(std::mt19937& random, std::uint64_t file_size) {
  const std::uint64_t values[] = {0,
                                  1,
                                  2,
                                  random() % 256,
                                  random() % 65536,
                                  0x7fffffff,
                                  0xffffffff,
                                  ~std::uint64_t{0},
                                  ~std::uint64_t{0} - random() % 4096,
                                  std::uint64_t{1} << 63,
                                  file_size,
                                  file_size - random() % 128,
                                  file_size + random() % 128};
  return values[below(random, std::size(values))];
}

/// One of the ELF header's fields, or one of the tables', set to an odd value.
struct FieldPlace {
  std::size_t offset;
  std::size_t size;
};
constexpr FieldPlace header_fields[] = {{4, 1},  {5, 1},  {6, 1},  {16, 2}, {18, 2}, {20, 4}, {24, 8}, {32, 8},
                                        {40, 8}, {48, 4}, {52, 2}, {54, 2}, {56, 2}, {58, 2}, {60, 2}, {62, 2}};
constexpr FieldPlace segment_fields[] = {{0, 4}, {4, 4}, {8, 8}, {16, 8}, {24, 8}, {32, 8}, {40, 8}, {48, 8}};
constexpr FieldPlace section_fields[] = {{0, 4}, {4, 4}, {8, 8}, {16, 8}, {24, 8}, {32, 8}, {40, 4}, {44, 4}, {56, 8}};

FieldPlace any_field(std::mt19937& random, Bytes file) {
  const image::ElfHeader header = image::read_elf_header(file).value();
  const unsigned kind = below(random, 3);
  if (kind == 1 && header.program_header_count != 0) {
    FieldPlace place = segment_fields[below(random, std::size(segment_fields))];
    place.offset += header.program_headers + 56 * below(random, header.program_header_count);
    return place;
  }
  if (kind == 2 && header.section_header_count != 0) {
    FieldPlace place = section_fields[below(random, std::size(section_fields))];
    place.offset += header.section_headers + 64 * below(random, header.section_header_count);
    return place;
  }
  return header_fields[below(random, std::size(header_fields))];
}

/// Bytes of `file` that are put back at the end.
class Mutation {
public:
  Mutation(Octets& file, FieldPlace place, std::uint64_t value)
      : file_(file), at_(static_cast<std::ptrdiff_t>(place.offset)),
        old_(file.begin() + at_, file.begin() + at_ + static_cast<std::ptrdiff_t>(place.size)) {
    std::ranges::copy(number(value, place.size), file.begin() + at_);
  }
  Mutation(const Mutation&) = delete;
  Mutation& operator=(const Mutation&) = delete;
  ~Mutation() { std::ranges::copy(old_, file_.begin() + at_); }

private:
  Octets& file_;
  std::ptrdiff_t at_;
  Octets old_;
};

/// How often each step was read by both, and which explanations were needed.
struct Tally {
  std::array<unsigned, steps> both{};
  std::set<std::string> explained;

  void add(const Comparison& one) {
    for (std::size_t i = 0; i < steps; ++i)
      both[i] += one.both[i] ? 1 : 0;
    explained.insert(one.explained.begin(), one.explained.end());
  }
  unsigned of(Step step) const { return both[static_cast<std::size_t>(step)]; }
};

void look_at(Bytes file) {
  for (const bool complete : {false, true})
    if (const auto info = image::read_kernel_info(file, complete); info && *info)
      static_cast<void>(image::bootable_pv(**info));
}

} // namespace

TEST_CASE("headers, tables and notes are read as libelf reads them: generated files") {
  std::mt19937 random(42);
  Tally tally;
  const unsigned count = rounds(500);
  for (unsigned round = 0; round < count; ++round) {
    CAPTURE(round);
    tally.add(compare_with_libelf(random_elf(random).build()));
  }
  CHECK(tally.both == std::array<unsigned, steps>{count, count, count, count});
  CHECK(tally.explained.empty());
}

TEST_CASE("headers, tables and notes are read as libelf reads them: mutated files") {
  std::mt19937 random(43);
  Tally tally;
  const unsigned count = rounds(5000);
  for (unsigned round = 0; round < count; ++round) {
    CAPTURE(round);
    Octets file = random_elf(random).build();
    if (below(random, 2) == 0) {
      const FieldPlace place = any_field(random, file);
      const std::uint64_t value = odd_value(random, file.size());
      file = patched(std::move(file), place.offset, value, place.size);
    } else {
      // Mostly in the headers, where it matters.
      for (unsigned i = 1 + below(random, 4); i > 0; --i)
        file[random() % (below(random, 2) == 0 ? std::min<std::size_t>(file.size(), 400) : file.size())] =
            static_cast<std::byte>(random());
    }
    if (below(random, 8) == 0)
      file.resize(below(random, file.size()));
    tally.add(compare_with_libelf(file));
    look_at(file);
  }
  CHECK(tally.of(Step::header) > count / 2);
  CHECK(tally.of(Step::segments) > count / 2);
  CHECK(tally.of(Step::sections) > count / 4);
  CHECK(tally.of(Step::notes) > count / 4);
}

TEST_CASE("each explanation of a difference is needed by some file, and for that difference alone") {
  pvboot::test::Elf elf = linux_elf();
  elf.sections = {{.name = ".text", .bytes = octets("x")}};
  const Octets file = elf.build();
  const std::uint64_t notes_at = 64 + 2 * 56;
  const auto with = [&](std::size_t offset, std::uint64_t value, std::size_t size) {
    return patched(file, offset, value, size);
  };
  const Octets cut(file.begin(), file.end() - 1);
  const Octets bare = linux_elf().build();
  const struct {
    const char* explanation;
    Octets file;
  } cases[] = {
      {"32-bit files", with(4, 1, 1)},
      {"big-endian files", with(5, 2, 1)},
      {"other machines", with(18, 183, 2)},
      {"ELF version", with(6, 0, 1)},
      {"many segments", with(56, 600, 2)},
      {"many sections", with(60, 5000, 2)},
      {"segment headers of another size", with(54, 64, 2)},
      {"section headers of another size", with(58, 40, 2)},
      {"segment headers that wrap", with(32, ~std::uint64_t{0} - 8, 8)},
      {"section headers that wrap", with(40, ~std::uint64_t{0} - 8, 8)},
      {"sections at offset 0", with(40, 0, 8)},
      {"section count elsewhere", patched(with(60, 0, 2), 40, 1, 8)},
      {"segment headers cut", {bare.begin(), bare.begin() + 64 + 50}},
      {"section headers cut", cut},
      {"no segments in no place", patched(with(56, 0, 2), 32, 1 << 30, 8)},
      {"last note without its padding", with(notes_at + 32, 22, 8)},
  };
  std::set<std::string> needed;
  for (const auto& [explanation, odd] : cases) {
    CAPTURE(explanation);
    const Comparison found = compare_with_libelf(odd);
    CHECK(found.explained == std::set<std::string>{explanation});
    needed.insert(explanation);
  }
  CHECK(needed == explanations());
}

TEST_CASE("Debian's kernels with mutated tables are read as libelf reads them") {
  std::mt19937 random(44);
  for (const std::string& part : debian_kernels()) {
    CAPTURE(part);
    const auto packed = cached_file(part, "vmlinuz");
    if (!packed) {
      without(part);
      continue;
    }
    Octets file = load(*packed, 1 << 20).value().content;
    Tally tally;
    const unsigned count = rounds(1000);
    for (unsigned round = 0; round < count; ++round) {
      CAPTURE(round);
      const Mutation first(file, any_field(random, file), odd_value(random, file.size()));
      const Bytes seen = below(random, 8) == 0 ? Bytes(file).first(random() % file.size()) : Bytes(file);
      tally.add(compare_with_libelf(seen));
      look_at(seen);
    }
    CHECK(tally.of(Step::header) > count / 2);
    CHECK(tally.of(Step::segments) > count / 2);
    CHECK(tally.of(Step::sections) > count / 4);
    CHECK(tally.of(Step::notes) > count / 2);
  }
}
