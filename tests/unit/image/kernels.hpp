// Kernel files made to measure: a small bootable one, and every way to spoil it.
#pragma once

#include "fs/file.hpp"
#include "loader/image/kernel_info.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pvboot::test {

using Octets = std::vector<std::byte>;

Octets octets(std::string_view text);
Octets number(std::uint64_t value, std::size_t size = 8);

/// A note of `owner`, padded as ELF wants it; the owner's NUL is added.
Octets note(std::uint32_t type, Bytes desc, std::string_view owner = "Xen");
Octets note(std::uint32_t type, std::uint64_t value);
Octets note(std::uint32_t type, std::string_view text); ///< with its NUL

Octets joined(const std::vector<Octets>& parts);

struct Segment {
  std::uint32_t type = 1;
  std::uint32_t flags = 5;
  std::uint64_t paddr = 0;
  Octets bytes{};
  std::uint64_t memory_size = 0; ///< 0: as many as `bytes`
  std::uint64_t vaddr = 0;
};

struct Section {
  std::string name;
  std::uint32_t type = 1;
  Octets bytes{};
  std::uint32_t link = 0;
};

/// An ELF file: header, program headers, segments, sections, section headers. A section of the same bytes as a
/// segment is written again.
struct Elf {
  std::uint16_t type = 2;
  std::uint64_t entry = 0;
  std::vector<Segment> segments;
  std::vector<Section> sections; ///< the empty one and the names are added when there are any
  bool tables_last = false;      ///< program headers after all contents

  Octets build() const;
};

/// The notes of a Linux-like kernel at VIRT_BASE 0xffffffff80000000 without those of `left_out`.
std::vector<Octets> linux_notes(std::vector<std::uint32_t> left_out = {});

/// A kernel with linux_notes(): text at 16 MiB, data and bss behind it, an entry at its start.
Elf linux_elf();
constexpr std::uint64_t linux_base = 0xffff'ffff'8000'0000;
constexpr std::uint64_t linux_text = 0x100'0000;

/// The notes' segment of `elf` replaced.
Elf with_notes(Elf elf, const std::vector<Octets>& notes);

/// A bzImage around a payload; `size_word` is appended to the payload where given.
Octets bzimage(Bytes payload, std::optional<std::uint32_t> size_word, std::uint16_t protocol = 0x20f);

/// `bytes` with `value` (little endian, `size` bytes) at `offset`.
Octets patched(Octets bytes, std::size_t offset, std::uint64_t value, std::size_t size);

class MemoryFile final : public fs::File {
public:
  explicit MemoryFile(Octets bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<fs::Run> run_at(std::uint64_t offset) override;
  Result<void> read(std::uint64_t offset, MutBytes out) override;

private:
  Octets bytes_;
};

struct Streamed {
  image::KernelInfo info;
  Octets content;
  std::size_t known_at = 0; ///< bytes of content when the layout was known
};

/// The file through peek, KernelStream and bootable_pv, as a loader does it; stops at the first refusal.
Result<Streamed> load(const Octets& file, std::size_t chunk = 65536);

} // namespace pvboot::test
