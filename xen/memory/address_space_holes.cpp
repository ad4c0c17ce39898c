#include "xen/memory/address_space.hpp"

#include "xen/hypercall/memory.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

/// How many of the domain's frames are not there; 0 where Xen does not say.
std::uint64_t missing_frames(std::uint64_t nr_pages) {
  const auto owned = issue(DomainMemory(DomainMemory::Question::current_reservation));
  return owned && *owned < nr_pages ? nr_pages - *owned : 0;
}

} // namespace

Result<std::uint64_t> AddressSpace::gather_holes() {
  const Pfn end{frames_.nr_pages()};
  // Looking through the list takes time with the guest's memory: only where there is something to find.
  if (missing_frames(end.value) == 0)
    return std::uint64_t{0};
  if (!frames_.ledger().all(Use::module).empty())
    return fail(Code::invalid, "frames are gathered while the module is in use by its names");
  std::uint64_t holes = 0;
  for (Pfn name{0}; name < end; ++name)
    holes += frames_.is_hole(name);

  // As many holes lie below `split` as there are frames above.
  const Pfn split = end - holes;
  Pfn above = end;
  for (Pfn hole{0}; hole < split; ++hole) {
    if (!frames_.is_hole(hole))
      continue;
    while (frames_.is_hole(above - 1))
      above = above - 1;
    std::uint64_t count = 1;
    while (hole + count < split && above - count > split && frames_.is_hole(hole + count) &&
           !frames_.is_hole(above - count - 1))
      ++count;
    TRY(frames_.exchange(hole, above - count, count));
    above = above - count;
    hole = hole + (count - 1);
  }
  TRY(frames_.flush());
  frames_.ledger().set({split, holes}, Use::hole);
  usable_pages_ = split.value;
  return holes;
}

} // namespace pvboot::xen
