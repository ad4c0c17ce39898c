#include "checks.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::probe {

namespace {

// The module begins with this and its own length in bytes, little-endian (tests/xen/probe.py).
constexpr char magic[8] = {'P', 'V', 'M', 'O', 'D', 'U', 'L', 'E'};

std::uint64_t page_buffer[512];

/// A page of the module, wherever it is.
const std::uint64_t* page_of(const Machine& machine, std::uint64_t page) {
  if ((machine.info.flags & SIF_MOD_START_PFN) == 0)
    return reinterpret_cast<const std::uint64_t*>(machine.info.mod_start + (page << 12));
  const bool there = machine.info.mod_start + page < machine.pages &&
                     Machine::copy(machine.frame(machine.info.mod_start + page), page_buffer);
  return there ? page_buffer : nullptr;
}

} // namespace

void check_module(Report& report, const Machine& machine) {
  const std::uint64_t pages = (machine.info.mod_len + 4095) / 4096;
  const std::uint64_t* first = pages == 0 ? nullptr : page_of(machine, 0);
  if (first == nullptr || std::memcmp(first, magic, sizeof magic) != 0) {
    report.fact("module", "none");
    report.check(false, "no module, or another one");
    return;
  }
  const std::uint64_t length = first[1];
  const bool by_pfn = (machine.info.flags & SIF_MOD_START_PFN) != 0;
  // Xen's builder counts whole pages when it does not map a module.
  report.check(machine.info.mod_len == length || (by_pfn && machine.info.mod_len == (length + 4095) / 4096 * 4096),
               "the module has another length than", Dec{length});
  if (pages != (length + 4095) / 4096)
    return;
  std::uint64_t value = 0, behind = 0;
  for (std::uint64_t i = 0; i < pages; ++i) {
    const std::uint64_t* page = page_of(machine, i);
    if (page == nullptr) {
      report.check(false, "the module's page is not there:", Dec{i});
      return;
    }
    const std::uint64_t part = std::min<std::uint64_t>(4096, length - i * 4096);
    value = value * 31 + hash(page, part);
    behind += nonzero_bytes(at(page) + part, at(page) + 4096);
  }
  report.fact("module", "bytes", Dec{length}, "hash", Hex{value}, "behind it nonzero", Dec{behind});
  report.equal(behind, 0, "bytes behind the module");
  if (by_pfn)
    report.check(machine.info.mod_start >= machine.region_pages() && machine.info.mod_start + pages <= machine.pages &&
                     machine.info.mod_start + pages <= 0x100000 && !machine.in_p2m(machine.info.mod_start) &&
                     !machine.in_module(machine.info.first_p2m_pfn),
                 "the module lies where it must not", Hex{machine.info.mod_start});
}

} // namespace pvboot::probe
