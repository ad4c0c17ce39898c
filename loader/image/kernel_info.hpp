// What booting a kernel depends on, from its ELF headers and its notes, and why a kernel cannot be booted.
//
// Values are as the domain builder of Xen takes them: defaults are applied, a segment is placed by its p_paddr.
// `read_kernel_info` tells from a growing prefix of the ELF file; in a kernel whose notes are in a PT_NOTE segment
// it knows all before the file has streamed past.
#pragma once

#include "base/units.hpp"
#include "loader/image/bsd_symbols.hpp"
#include "loader/image/elf.hpp"
#include "loader/image/notes.hpp"

namespace pvboot::image {

/// A PT_LOAD that takes memory. `target` is where it goes: bytes from VIRT_BASE, hence also from PFN 0.
struct LoadSegment {
  std::uint64_t file_offset = 0; ///< p_offset
  std::uint64_t file_size = 0;   ///< p_filesz
  std::uint64_t memory_size = 0; ///< p_memsz: the rest is zeroes
  std::uint64_t paddr = 0;       ///< p_paddr
  std::uint64_t target = 0;      ///< p_paddr - PADDR_OFFSET
  std::uint32_t flags = 0;       ///< PF_*
};

constexpr std::size_t max_loads = 64;

struct KernelInfo {
  std::uint16_t elf_type = 0;
  XenNotes notes;

  GuestVirt entry;
  GuestVirt virt_base;
  std::uint64_t paddr_offset = 0;
  std::optional<GuestVirt> hypercall_page;
  std::optional<GuestVirt> init_p2m; ///< page-aligned and below virt_base; other values are ignored as Xen does
  bool mod_start_pfn = false;        ///< the initrd may be left unmapped, named by its PFN

  std::vector<LoadSegment> loads; ///< in file order
  GuestVirt kernel_start;         ///< first byte of the lowest segment
  GuestVirt kernel_end;           ///< after the last byte of the highest segment and of the BSD symbol table
  std::uint64_t image_end = 0;    ///< file offset after the last byte that a segment takes from the file

  std::optional<BsdSymbols> bsd_symbols; ///< what BSD_SYMTAB asks for; lies at the end of the kernel
};

/// The facts of the ELF file whose first bytes are `prefix`; nothing as long as bytes are missing that decide them.
/// `complete` says that no more come: what is still missing then is an error.
Result<std::optional<KernelInfo>> read_kernel_info(Bytes prefix, bool complete);

/// Whether Xen PV can start it: Code::unsupported with the reason, in words a person can act on.
Result<void> bootable_pv(const KernelInfo& info);

} // namespace pvboot::image
