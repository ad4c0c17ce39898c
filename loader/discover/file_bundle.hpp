// Several files, and bytes of our own between them, as one run of bytes: what becomes a kernel's module.
//
// Pieces follow one another; what lies between them is zeroes. Nothing is read before read(), so that all sizes are
// known, and checked against the guest's memory, before there is room for them. A file that begins on a page goes
// straight from its disk into its place; any other is copied once, through a bounce buffer of bounded size.
//
// Fails with Code::too_large when the sum of the sizes does not fit 64 bits, and as the files do, with the file's name
// as the place.
#pragma once

#include "loader/discover/disk_set.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pvboot::loader {

class FileBundle {
public:
  /// Zeroes, at least `at_least` of them, up to a multiple of `alignment`, a power of two.
  Result<void> pad(std::uint64_t alignment, std::uint64_t at_least = 0);
  Result<void> add(std::string bytes);
  /// `name` is the file's place in errors.
  Result<void> add(OpenFile file, std::string name);

  std::uint64_t size() const { return size_; } ///< bytes

  /// How much memory, in whole pages, read() wants besides; 0: none.
  std::size_t bounce_bytes() const;

  /// Set when a device may still write into the memory after an error.
  struct Quarantined {
    bool destination = false, bounce = false;
  };
  /// Fills `destination`, which begins on a page and is size() rounded up to whole pages; what is past the end is
  /// zeroed. `bounce` begins on a page and has bounce_bytes().
  Result<void> read(MutBytes destination, MutBytes bounce, Quarantined& quarantined);

private:
  struct Piece {
    std::uint64_t offset; ///< in the whole
    std::string bytes;    ///< of a piece without a file
    std::optional<OpenFile> file;
    std::string name;

    std::uint64_t size() const { return file ? file->file->size() : bytes.size(); }
  };

  Result<void> append(Piece piece);
  static Result<void> read_piece(Piece& piece, MutBytes rest, MutBytes bounce, Quarantined& quarantined);

  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

} // namespace pvboot::loader
