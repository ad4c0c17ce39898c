// A whole file into memory that the caller has: an initrd into its final frames.
//
// Runs on disk go straight from the device, with its queue kept full; holes are zeroed, inline bytes copied, encoded
// runs decoded by the file. The first error stops the reading; when read_into returns, no request is in flight.
#pragma once

#include "fs/file.hpp"

namespace pvboot::fs {

struct ReadOptions {
  /// Called now and then while reading, and at its end, with bytes.
  void (*progress)(void* context, std::uint64_t done, std::uint64_t total) = nullptr;
  void* context = nullptr;
  /// Set when the device may still write into the destination after an error.
  bool* quarantined = nullptr;
};

/// `destination` begins on a page and holds the file's size rounded up to whole pages, else Code::invalid; what lies
/// past the file's end is zeroed.
Result<void> read_into(File& file, MutBytes destination, const ReadOptions& options = {});

} // namespace pvboot::fs
