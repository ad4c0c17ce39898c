#include "loader/discover/file_bundle.hpp"

#include "base/checked.hpp"
#include "base/units.hpp"
#include "fs/bulk/read_into.hpp"
#include "fs/bulk/read_through.hpp"

#include <algorithm>

namespace pvboot::loader {

namespace {

bool begins_on_a_page(std::uint64_t offset) { return offset % page_size == 0; }

std::unexpected<Error> senseless_sizes() { return fail(Code::too_large, "the sizes of the files make no sense"); }

} // namespace

Result<void> FileBundle::pad(std::uint64_t alignment, std::uint64_t at_least) {
  const auto least = checked_add<std::uint64_t>(size_, at_least);
  const auto padded = least ? checked_align_up<std::uint64_t>(*least, alignment) : std::nullopt;
  if (!padded)
    return senseless_sizes();
  size_ = *padded;
  return {};
}

Result<void> FileBundle::add(std::string bytes) { return append({size_, std::move(bytes), std::nullopt, {}}); }

Result<void> FileBundle::add(OpenFile file, std::string name) {
  return append({size_, {}, std::move(file), std::move(name)});
}

Result<void> FileBundle::append(Piece piece) {
  const auto end = checked_add<std::uint64_t>(size_, piece.size());
  if (!end)
    return senseless_sizes();
  size_ = *end;
  pieces_.push_back(std::move(piece));
  return {};
}

std::size_t FileBundle::bounce_bytes() const {
  std::size_t most = 0;
  for (const Piece& piece : pieces_)
    if (piece.file && piece.size() != 0 && !begins_on_a_page(piece.offset))
      most = std::max(most, fs::bounce_for(piece.size()));
  return most;
}

Result<void> FileBundle::read(MutBytes destination, MutBytes bounce, Quarantined& quarantined) {
  if (destination.size() < size_ || bounce.size() < bounce_bytes())
    return fail(Code::invalid, "the room for the files is smaller than they are");
  std::uint64_t filled = 0;
  for (Piece& piece : pieces_) {
    std::memset(destination.data() + filled, 0, piece.offset - filled);
    TRY(read_piece(piece, destination.subspan(piece.offset), bounce, quarantined));
    filled = piece.offset + piece.size();
  }
  std::memset(destination.data() + filled, 0, destination.size() - filled);
  return {};
}

/// `rest` is the destination from the piece's place to the end; a piece may spoil what comes after it.
Result<void> FileBundle::read_piece(Piece& piece, MutBytes rest, MutBytes bounce, Quarantined& quarantined) {
  const auto size = static_cast<std::size_t>(piece.size());
  if (size == 0)
    return {};
  if (!piece.file) {
    std::memcpy(rest.data(), piece.bytes.data(), size);
    return {};
  }
  fs::File& file = *piece.file->file;
  if (begins_on_a_page(piece.offset))
    TRY_AT(fs::read_into(file, rest.first(std::min<std::size_t>(align_up<std::size_t>(size, page_size), rest.size())),
                         {.quarantined = &quarantined.destination}),
           piece.name);
  else
    TRY_AT(fs::read_through(file, rest.first(size), bounce, &quarantined.bounce), piece.name);
  return {};
}

} // namespace pvboot::loader
