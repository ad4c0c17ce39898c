#include "fs/bulk/read_through.hpp"

#include "base/checked.hpp"
#include "base/units.hpp"
#include "fs/bulk/file_stream.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {

// One chunk is being copied while the others are on their way.
constexpr std::size_t chunks = 8;

Result<void> copy_all(FileStream& stream, MutBytes out) {
  while (!out.empty()) {
    const Bytes chunk = TRY(stream.next());
    if (chunk.empty() || chunk.size() > out.size())
      return fail(Code::invalid, "the room for a file is not as long as the file");
    std::memcpy(out.data(), chunk.data(), chunk.size());
    out = out.subspan(chunk.size());
  }
  return {};
}

} // namespace

std::size_t bounce_for(std::uint64_t size) {
  return align_up<std::size_t>(static_cast<std::size_t>(std::clamp<std::uint64_t>(size, 1, most_bounce)), page_size);
}

Result<void> read_through(File& file, MutBytes destination, MutBytes bounce, bool* quarantined) {
  if (destination.size() != file.size())
    return fail(Code::invalid, "the room for a file is not as long as the file");
  const std::size_t chunk =
      std::max<std::size_t>(align_down<std::size_t>(bounce.size() / chunks, page_size), page_size);
  FileStream stream(file, bounce, chunk);
  auto outcome = copy_all(stream, destination);
  if (stream.quarantined() && quarantined != nullptr)
    *quarantined = true;
  return outcome;
}

} // namespace pvboot::fs
