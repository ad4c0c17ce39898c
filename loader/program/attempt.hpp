// One attempt to boot an entry, up to the point where only the jump is left.
//
// It opens the kernel, streams it once through its decompressor, lays the target out as soon as the notes have
// streamed past, reads the initrds into their final frames, and has Xen pin the new page tables. All disks stay
// open and all memory is given back when it fails: whatever is refused is refused here.
#pragma once

#include "config/entry.hpp"
#include "config/options.hpp"
#include "loader/discover/disk_set.hpp"
#include "loader/program/log.hpp"
#include "xen/guest.hpp"
#include "xen/memory/handover.hpp"

namespace pvboot::loader {

/// What an attempt works with; all of it outlives the attempt.
struct Workshop {
  xen::Guest& guest;
  xen::AddressSpace& memory;
  DiskSet& disks;
  Log& log;
  const std::vector<std::string>& kernel_words; ///< of extra=, for the end of the kernel's command line
  Bytes refused_build_id;                       ///< of a file that must not be started; empty: none is refused
};

/// Code::not_found, io, corrupt, ... with the chain of places from the file on.
Result<xen::Handover> prepare(Workshop& workshop, const config::Entry& entry);

} // namespace pvboot::loader
