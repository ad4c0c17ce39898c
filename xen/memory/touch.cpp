#include "xen/memory/touch.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {

constexpr std::uint64_t rest_of_page(GuestVirt at) { return page_size - at.value % page_size; }

} // namespace

void copy(GuestVirt to, GuestVirt from, std::uint64_t bytes) {
  while (bytes != 0) {
    const std::uint64_t part = std::min({bytes, rest_of_page(to), rest_of_page(from)});
    std::memcpy(Touch::writable(to), Touch::readable(from), part);
    to = to + part;
    from = from + part;
    bytes -= part;
  }
}

void copy_in(GuestVirt to, const void* from, std::uint64_t bytes) {
  const auto* source = static_cast<const std::byte*>(from);
  while (bytes != 0) {
    const std::uint64_t part = std::min(bytes, rest_of_page(to));
    std::memcpy(Touch::writable(to), source, part);
    to = to + part;
    source += part;
    bytes -= part;
  }
}

void zero(GuestVirt to, std::uint64_t bytes) {
  while (bytes != 0) {
    const std::uint64_t part = std::min(bytes, rest_of_page(to));
    std::memset(Touch::writable(to), 0, part);
    to = to + part;
    bytes -= part;
  }
}

} // namespace pvboot::xen
