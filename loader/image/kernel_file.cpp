#include "loader/image/kernel_file.hpp"

#include "loader/image/elf.hpp"

#include <algorithm>
#include <vector>

namespace pvboot::image {

namespace {

Result<std::vector<std::byte>> read_up_to(fs::File& file, std::uint64_t offset, std::uint64_t length) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(length, file.size() - std::min(offset, file.size()))));
  if (!bytes.empty())
    TRY(file.read(offset, bytes));
  return bytes;
}

Result<std::vector<std::byte>> read_tail(fs::File& file, std::uint64_t length) {
  const std::uint64_t size = std::min(length, file.size());
  return read_up_to(file, file.size() - size, size);
}

/// What a file that is no kernel may begin with.
struct Lookalike {
  std::size_t offset;
  std::string_view magic;
  const char* message;
};

// The more special first: an arm64 kernel and one in EFI's container begin as an EFI program does.
constexpr Lookalike lookalikes[] = {
    {0x38, "ARM\x64", "a kernel for another kind of machine, not x86-64: an arm64 Image"},
    {0x38, "RSC\x05", "a kernel for another kind of machine, not x86-64: a RISC-V Image"},
    {4, "zimg", "a kernel in EFI's own container (zboot), not a bzImage or an ELF"},
    {0, "MZ", "an EFI program, not a bzImage or an ELF"},
    {0, "07070", "not a kernel: a cpio archive, as an initrd is"},
};

/// The payload's first bytes say how it is compressed, and how much memory that takes.
Result<void> look_at_payload(ImageHead& head, Bytes payload) {
  head.codec = codec::detect(payload);
  if (head.codec) {
    head.decoder_memory = TRY_AT(codec::memory_needed(*head.codec, payload), codec::name(*head.codec));
    return {};
  }
  if (is_elf(payload))
    return {};
  if (head.container == Container::bzimage)
    return fail(Code::unsupported, "the bzImage's payload is compressed in a way that is not known");
  return std::unexpected(not_a_kernel(payload));
}

/// The word after a bzImage's payload. gzip has it as a part of its own; a bare ELF has none.
Result<void> take_size_word(ImageHead& head, fs::File& file) {
  if (!head.codec)
    return {};
  if (head.payload_length <= sizeof(le32))
    return fail(Code::corrupt, "the bzImage's payload is too short to be a kernel");
  const std::uint64_t word_at = head.payload_offset + head.payload_length - sizeof(le32);
  const auto word = TRY(read_up_to(file, word_at, sizeof(le32)));
  head.content_size = TRY(read_as<le32>(word)).get();
  if (*head.codec != codec::Codec::gzip)
    head.payload_length -= sizeof(le32);
  return {};
}

/// What a file that is compressed as a whole says of its size. gzip says it in its last bytes, which in a file that
/// was cut off or has something behind it are any bytes: a claim that no kernel comes near is no claim.
std::optional<std::uint64_t> claimed_size(codec::Codec codec, Bytes first, Bytes last, std::uint64_t length) {
  constexpr std::uint64_t highest_ratio = 64;
  const auto claim = codec::stated_size(codec, first, last);
  constexpr std::uint64_t lowest_share = 2;
  if (codec == codec::Codec::gzip && claim &&
      (*claim > max_window || *claim / highest_ratio > length || *claim < length / lowest_share))
    return std::nullopt;
  return claim;
}

} // namespace

std::uint64_t ImageHead::window_size() const {
  constexpr std::uint64_t usual_ratio = 8;
  return content_size.value_or(std::clamp<std::uint64_t>(payload_length * usual_ratio, 64_MiB, max_window));
}

Result<ImageHead> peek(fs::File& file) {
  ImageHead head;
  head.file_size = file.size();
  head.payload_length = head.file_size;
  if (head.file_size == 0)
    return fail(Code::corrupt, "the kernel file is empty");
  const auto first = TRY(read_up_to(file, 0, setup_head_size));
  if (is_bzimage(first)) {
    head.container = Container::bzimage;
    head.setup = TRY(read_setup(first, head.file_size));
    head.payload_offset = head.setup.payload_offset;
    head.payload_length = head.setup.payload_length;
    const auto payload =
        TRY(read_up_to(file, head.payload_offset, std::min<std::uint64_t>(codec::head_size, head.payload_length)));
    TRY(look_at_payload(head, payload));
    TRY(take_size_word(head, file));
  } else {
    const Bytes payload = Bytes(first).first(std::min(first.size(), codec::head_size));
    TRY(look_at_payload(head, payload));
    if (head.codec)
      head.content_size = claimed_size(*head.codec, payload, TRY(read_tail(file, codec::tail_size)), head.file_size);
  }
  if (!head.codec)
    head.content_size = head.payload_length;
  if (head.content_size && *head.content_size < elf_header_size)
    return fail(Code::corrupt, "the kernel's stated size is too small for an ELF file");
  if (head.content_size.value_or(0) > max_window)
    return fail(Code::too_large, "the kernel's stated size is absurd: over 1 GiB");
  return head;
}

Error not_a_kernel(Bytes head) {
  if (is_bzimage(head))
    return {Code::unsupported, "a bzImage that was compressed once more: it has to be decompressed on the disk"};
  for (const Lookalike& known : lookalikes)
    if (as_text(head).substr(std::min(known.offset, head.size())).starts_with(known.magic))
      return {Code::unsupported, known.message};
  if (std::ranges::all_of(head, [](std::byte b) { return b == std::byte{0}; }))
    return {Code::unsupported, "not a kernel: it begins with zeroes only"};
  return {Code::unsupported, "not a kernel: neither a bzImage nor an ELF nor compressed in a way that is known"};
}

std::string describe(const ImageHead& head) {
  std::string text = head.container == Container::bzimage ? "bzImage" : "ELF";
  text += ", ";
  text += head.codec ? codec::name(*head.codec) : "not compressed";
  return text;
}

} // namespace pvboot::image
