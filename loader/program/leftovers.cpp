#include "loader/program/leftovers.hpp"

#include "xen/arch/x86_64/pv_guest.hpp"

#include <algorithm>

extern "C" char pvboot_image_start[]; // pvboot.ld
extern "C" char pvboot_image_end[];
extern "C" char pvboot_stack_guard[]; // entry.S

namespace pvboot::loader {

namespace {
std::uint64_t address(const char* symbol) { return reinterpret_cast<std::uint64_t>(symbol); }
} // namespace

Leftovers::Leftovers(const xen::Guest& guest) {
  struct Gap {
    std::uint64_t from, to;
  };
  const xen::ReplacedPages replaced = xen::replaced_pages();
  Gap gaps[] = {{address(pvboot_stack_guard), address(pvboot_stack_guard) + page_size},
                {replaced.first.value, replaced.first.value + replaced.count * page_size}};
  if (gaps[1].from < gaps[0].from)
    std::swap(gaps[0], gaps[1]);
  std::uint64_t at = address(pvboot_image_start);
  for (const Gap& gap : gaps) {
    add(at, gap.from);
    at = gap.to;
  }
  add(at, address(pvboot_image_end));

  const auto start_info = reinterpret_cast<std::uint64_t>(&guest.raw_start);
  add(start_info, start_info + sizeof(start_info_t));
}

void Leftovers::add(std::uint64_t from, std::uint64_t to) {
  if (from < to)
    ranges_[count_++] = {GuestVirt{from}, to - from};
}

} // namespace pvboot::loader
