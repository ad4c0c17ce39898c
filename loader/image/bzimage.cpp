#include "loader/image/bzimage.hpp"

#include "base/text.hpp"

namespace pvboot::image {

namespace {

using octet = Endian<std::uint8_t, false>;

// The setup header's fields by their offset in the file.
constexpr std::uint64_t setup_sects = 0x1f1;
constexpr std::uint64_t boot_flag = 0x1fe;
constexpr std::uint64_t header_magic = 0x202;
constexpr std::uint64_t protocol_version = 0x206;
constexpr std::uint64_t kernel_version = 0x20e;
constexpr std::uint64_t payload_offset = 0x248;
constexpr std::uint64_t payload_length = 0x24c;

constexpr std::uint64_t sector = 512;
constexpr std::uint16_t first_with_payload = 0x0208;
constexpr std::size_t longest_version = 256;

/// The version string, a NUL-terminated text that the header points to.
std::string read_version(Bytes head) {
  const auto pointer = read_as<le16>(head, kernel_version);
  if (!pointer || pointer->get() == 0 || pointer->get() + sector >= head.size())
    return {};
  const std::string_view text = as_text(head.subspan(pointer->get() + sector)).substr(0, longest_version);
  const auto end = text.find('\0');
  return end == std::string_view::npos ? std::string() : std::string(text.substr(0, end));
}

} // namespace

bool is_bzimage(Bytes head) {
  const auto flag = read_as<le16>(head, boot_flag);
  const auto magic = cut(head, header_magic, 4);
  return flag && flag->get() == 0xaa55 && magic && as_text(*magic) == "HdrS";
}

Result<BzImage> read_setup(Bytes head, std::uint64_t file_size) {
  if (!is_bzimage(head))
    return fail(Code::unsupported, "not a bzImage");
  BzImage image;
  image.protocol = TRY(read_as<le16>(head, protocol_version)).get();
  if (image.protocol < first_with_payload)
    return fail(Code::unsupported, "a Linux kernel older than 2.6.26: its bzImage does not say where the ELF is",
                "boot protocol " + hex(image.protocol));
  if (head.size() < payload_length + sizeof(le32))
    return fail(Code::corrupt, "the bzImage is cut short: it ends inside its header");
  const unsigned stated_sectors = TRY(read_as<octet>(head, setup_sects)).get();
  const unsigned sectors = stated_sectors == 0 ? 4 : stated_sectors;
  image.payload_offset = (sectors + 1) * sector + TRY(read_as<le32>(head, payload_offset)).get();
  image.payload_length = TRY(read_as<le32>(head, payload_length)).get();
  image.version = read_version(head);
  if (image.payload_length == 0)
    return fail(Code::corrupt, "the bzImage says that it has no payload");
  if (image.payload_offset > file_size || image.payload_length > file_size - image.payload_offset)
    return fail(Code::corrupt, "the bzImage is cut short: its payload reaches past the end of the file");
  return image;
}

} // namespace pvboot::image
