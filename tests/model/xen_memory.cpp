// The memory that the guest reaches, by its page tables and the TLB, and Xen's M2P.
#include "tests/model/xen.hpp"

#include "base/text.hpp"
#include "xen/memory/pte.hpp"

#include <limits>
#include <optional>

namespace pvboot::model {

namespace pte = xen::pte;

std::uint64_t Xen::name_of(Mfn frame) const {
  if (const auto found = m2p_override_.find(frame.value); found != m2p_override_.end())
    return found->second;
  return names_ && ours(frame) ? names_(frame) : std::numeric_limits<std::uint64_t>::max();
}

std::optional<std::pair<Mfn, std::uint64_t>> Xen::entry_at(unsigned level, GuestVirt at) {
  Mfn table = base_;
  for (unsigned l = 4;; --l) {
    const std::uint64_t entry = machine_.word(table, xen::index_in(static_cast<xen::Level>(l), at));
    if (l == level)
      return std::pair(table, entry);
    if ((entry & pte::present) == 0)
      return std::nullopt;
    table = xen::frame_in(xen::Pte{entry});
  }
}

std::optional<Xen::Walk> Xen::walk(GuestVirt at) {
  bool writable = true;
  Mfn table = base_;
  for (unsigned level = 4;; --level) {
    const std::uint64_t entry = machine_.word(table, xen::index_in(static_cast<xen::Level>(level), at));
    if ((entry & pte::present) == 0)
      return std::nullopt;
    writable = writable && (entry & pte::writable) != 0;
    if (level == 1)
      return Walk{xen::frame_in(xen::Pte{entry}), entry, writable};
    table = xen::frame_in(xen::Pte{entry});
  }
}

std::byte* Xen::touch(GuestVirt at, bool write) {
  if (at.value >= MACH2PHYS_VIRT_START && at.value < MACH2PHYS_VIRT_END) {
    if (write)
      throw Fault("write to Xen's M2P");
    const std::uint64_t index = (at.value - MACH2PHYS_VIRT_START) / sizeof(std::uint64_t);
    auto& page = m2p_pages_[index / 512];
    if (!page) {
      page = std::make_unique<Page>();
      for (std::uint64_t i = 0; i < 512; ++i) {
        const std::uint64_t name = name_of(Mfn{index / 512 * 512 + i});
        std::memcpy(page->data() + i * sizeof name, &name, sizeof name);
      }
    }
    return page->data() + at.value % page_size;
  }
  Translation& known = translation(at);
  // An entry that forbids the access is looked up once more, as a CPU does.
  if (known.page != at.value >> page_shift || (write && !known.writable)) {
    const auto found = walk(at);
    if (!found)
      throw Fault("page fault at " + hex(at.value));
    if (write && !found->writable)
      throw Fault("write to read-only memory at " + hex(at.value));
    known = {at.value >> page_shift, machine_.page(found->frame).data(), found->writable};
  }
  return known.memory + at.value % page_size;
}

} // namespace pvboot::model
