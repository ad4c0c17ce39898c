#include "machine.hpp"

#include <cstring>

namespace pvboot::probe {

namespace {

alignas(4096) std::byte look_page[4096];

const std::uint64_t* table_of_region(const start_info_t& info, std::uint64_t pfn) {
  const std::uint64_t first = Machine::name_at(info.pt_base);
  return pfn - first < info.nr_pt_frames ? Machine::seen<std::uint64_t>(pfn) : nullptr;
}

const Machine* the_machine;

} // namespace

Machine::Machine(const start_info_t& start)
    : info(start), pages(start.nr_pages), p2m_(reinterpret_cast<const std::uint64_t*>(start.mfn_list)),
      machine_frames_(static_cast<std::uint64_t>(call(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0)) + 1) {
  the_machine = this;
  const auto at_home = [&](std::uint64_t pfn) {
    const std::uint64_t entry = own_entry(seen<std::byte>(pfn));
    return (entry & pte_present) != 0 && name(frame_of(entry)) == pfn;
  };
  while (region_pages_ < pages && at_home(region_pages_))
    ++region_pages_;
}

std::uint64_t Machine::name(std::uint64_t frame) const {
  if (frame >= machine_frames_)
    return nowhere;
  const std::uint64_t pfn = machine_to_phys_mapping[frame];
  return pfn < pages && p2m_[pfn] == frame ? pfn : nowhere;
}

std::uint64_t Machine::own_entry(const void* page, std::uint64_t* machine_address) {
  const std::uint64_t address = at(static_cast<const std::byte*>(page));
  std::uint64_t table_name = name_at(the_machine->info.pt_base);
  for (unsigned level = 4;; --level) {
    const std::uint64_t* table = table_of_region(the_machine->info, table_name);
    const std::uint64_t index = address >> shift_of(level) & 511;
    if (table == nullptr || (table[index] & pte_present) == 0)
      return 0;
    if (level == 1) {
      if (machine_address != nullptr)
        *machine_address = (the_machine->frame(table_name) << 12) + index * 8;
      return table[index];
    }
    table_name = the_machine->name(frame_of(table[index]));
  }
}

bool Machine::copy(std::uint64_t frame, std::uint64_t (&to)[512]) {
  const std::uint64_t before = own_entry(look_page);
  if (map_at(look_page, frame << 12 | pte_present | pte_accessed) != 0)
    return false;
  std::memcpy(to, look_page, sizeof to);
  return map_at(look_page, before) == 0;
}

std::uint64_t hash(const void* bytes, std::uint64_t count) {
  const auto* byte = static_cast<const std::uint8_t*>(bytes);
  std::uint64_t value = 0xcbf29ce484222325;
  for (std::uint64_t i = 0; i < count; ++i)
    value = (value ^ byte[i]) * 0x100000001b3;
  return value;
}

std::uint64_t nonzero_bytes(std::uint64_t from, std::uint64_t to) {
  std::uint64_t count = 0;
  for (; from < to; ++from) {
    while (from % 8 == 0 && from + 8 <= to && *reinterpret_cast<const std::uint64_t*>(from) == 0)
      from += 8;
    if (from < to)
      count += *reinterpret_cast<const std::uint8_t*>(from) != 0 ? 1 : 0;
  }
  return count;
}

} // namespace pvboot::probe
