#include "tests/guest/handover/holes.hpp"

#include "base/text.hpp"
#include "xen/hypercall/memory.hpp"
#include "xen/memory/touch.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

Result<FrameRange> place_of(std::string_view text, std::uint64_t nr_pages) {
  const std::size_t plus = std::min(text.find('+'), text.size());
  const auto first = parse_number(text.substr(0, plus));
  const auto count = parse_number(text.substr(std::min(plus + 1, text.size())));
  if (!first || !count || *first > nr_pages || *count > nr_pages - *first)
    return fail(Code::invalid, "no place in memory", printable(text));
  return FrameRange{Pfn{*first}, *count};
}

Result<void> give_back_one(AddressSpace& memory, Pfn name) {
  xen_pfn_t frame = memory.frames().mfn_of(name).value;
  if (TRY(issue(Reservation(Reservation::Command::decrease, std::span(&frame, 1)))) != 1)
    return fail(Code::denied, "Xen does not take a frame back", hex(frame));
  poke<std::uint64_t>(memory.frames().list() + name.value * sizeof(std::uint64_t)) = FrameMap::hole;
  memory.frames().ledger().set({name, 1}, Use::hole);
  return {};
}

} // namespace

Result<std::uint64_t> give_back(AddressSpace& memory, std::string_view places) {
  std::uint64_t given = 0;
  while (!places.empty()) {
    const std::size_t end = std::min(places.find(','), places.size());
    const FrameRange place = TRY(place_of(places.substr(0, end), memory.frames().nr_pages()));
    places.remove_prefix(std::min(end + 1, places.size()));
    for (Pfn name = place.first; name < place.end(); ++name)
      if (memory.frames().ledger().use_of(name) == Use::free) {
        TRY(give_back_one(memory, name));
        ++given;
      }
  }
  return given;
}

} // namespace pvboot::xen
