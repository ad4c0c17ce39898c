// The start-of-day layout of a PV kernel: a pure function of what the kernel asks for and what the guest has.
//
// It follows the order and the sizes of Xen's own domain builder [xen-abi.md part A], so a kernel cannot tell the
// difference: from VIRT_BASE padding, kernel, mapped initrd, P2M list (unless INIT_P2M), start_info, xenstore page,
// console page, page tables, boot stack, at least 512 KiB of padding up to a 4 MiB boundary; above the region an
// unmapped initrd, then an INIT_P2M list with its tables. Nothing is allocated by what a kernel claims: all sizes are
// checked against the guest's memory first.
//
// Fails with Code::unsupported and the reason when the kernel cannot be started in any guest, with
// Code::out_of_memory when it does not fit into this one, with Code::too_large for a command line of more than 1,023
// bytes or an initrd that would end above 4 GiB, with Code::invalid for more memory than there can be.
#pragma once

#include "base/result.hpp"
#include "xen/memory/start_of_day.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pvboot::plan {

/// What a kernel asks for: its ELF headers and notes, already decoded and checked for class, machine and features.
struct Target {
  struct Segment {
    std::uint64_t physical = 0; ///< p_paddr
    std::uint64_t file_offset = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
  };
  std::vector<Segment> segments; ///< the PT_LOADs with any of R, W, X
  std::uint64_t entry = 0;       ///< ENTRY note, or e_entry
  std::optional<std::uint64_t> virt_base;
  std::optional<std::uint64_t> paddr_offset;
  std::optional<std::uint64_t> hypercall_page; ///< VA
  std::optional<std::uint64_t> init_p2m;       ///< VA; ignored unless page-aligned and below VIRT_BASE
  bool mod_start_pfn = false;                  ///< the initrd may be unmapped
  std::uint64_t symbols_bytes = 0;             ///< BSD symbol table with its size word; 0: none
};

/// Our own P2M list when it is mapped outside our region by tables that can go on.
struct OwnP2m {
  std::uint64_t address = 0;
  std::uint64_t frames = 0; ///< the list and its tables
};

struct GuestFacts {
  std::uint64_t nr_pages = 0;
  std::optional<std::uint64_t> initrd_bytes;
  std::string command_line;
  bool multiboot_module = false; ///< the module is a multiboot module list's
  std::optional<OwnP2m> own_p2m;
};

using Layout = xen::StartOfDay;

Result<Layout> lay_out(const Target& target, const GuestFacts& guest);

} // namespace pvboot::plan
