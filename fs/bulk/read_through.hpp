// A whole file into memory that does not begin on a page: through a bounce buffer, with the device's queue kept full.
//
// A device moves whole blocks to aligned memory, so what lies askew in its destination is copied once: chunk after
// chunk, the next ones on their way meanwhile. Where the destination begins on a page, read_into() does it without a
// copy. Fails as the file and its devices do; when read_through returns, no request is in flight.
#pragma once

#include "fs/file.hpp"

namespace pvboot::fs {

/// The most memory that is worth having for bounce, and what a file of `size` bytes has use for: whole pages.
constexpr std::size_t most_bounce = 8 << 20;
std::size_t bounce_for(std::uint64_t size);

/// `destination` is as long as the file; `bounce` is whole pages, at least one, else Code::invalid. `quarantined`,
/// where given, is set when a device may still write into `bounce` after an error.
Result<void> read_through(File& file, MutBytes destination, MutBytes bounce, bool* quarantined = nullptr);

} // namespace pvboot::fs
