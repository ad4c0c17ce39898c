#include "loader/image/multiboot.hpp"

#include <algorithm>

namespace pvboot::image {

namespace {

struct Header {
  le32 magic, flags, checksum;
};
static_assert(sizeof(Header) == 12);

constexpr std::uint32_t header_magic = 0x1bad'b002;

} // namespace

bool has_multiboot_header(Bytes prefix) {
  const Bytes searched = prefix.first(std::min(prefix.size(), multiboot_search));
  for (std::size_t at = 0; at + sizeof(Header) <= searched.size(); at += 4) {
    const auto header = read_as<Header>(searched, at);
    if (header && header->magic.get() == header_magic &&
        header->magic.get() + header->flags.get() + header->checksum.get() == 0)
      return true;
  }
  return false;
}

} // namespace pvboot::image
