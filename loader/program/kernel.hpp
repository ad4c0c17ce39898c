// The kernel of an entry, loaded: streamed once through its decompressor into a staging window, and its layout.
#pragma once

#include "loader/discover/boot_module.hpp"
#include "loader/program/attempt.hpp"
#include "loader/program/scoped_window.hpp"

namespace pvboot::loader {

struct LoadedKernel {
  ScopedWindow window;                        ///< the ELF file from its first byte
  std::optional<ScopedWindow> symbols_window; ///< the BSD symbol table as it shall stand in memory
  image::KernelInfo info;
  plan::Layout layout;

  Bytes symbols() const { return symbols_window ? Bytes(symbols_window->span()).first(layout.symbols_bytes) : Bytes(); }
};

/// Reads the file to its end, checks included. The layout is made, and a kernel that does not fit or cannot be booted
/// is refused, as soon as its notes have streamed past; `module` is arranged for it then.
Result<LoadedKernel> load_kernel(Workshop& workshop, const config::FilePath& file, const plan::GuestFacts& facts,
                                 BootModule& module);

} // namespace pvboot::loader
