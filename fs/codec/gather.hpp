// Pieces of known length out of chunks of any size: for formats whose library wants a block as a whole.
//
// A piece that lies inside one chunk is handed on where it is; one that spans chunks is put together in memory of
// the arena, which grows to the longest such piece.
#pragma once

#include "fs/codec/arena.hpp"

#include <optional>

namespace pvboot::codec {

class Gather {
public:
  explicit Gather(Arena& arena) : arena_(arena) {}

  /// Takes from the front of `input` what is missing of a piece of `length` bytes. The piece, when it is whole,
  /// valid until the next call or as long as `input`'s memory; otherwise nothing, and the same length is to be asked
  /// for again with the next chunk. Code::out_of_memory when the arena cannot hold it.
  Result<std::optional<Bytes>> take(Bytes& input, std::size_t length);

  std::size_t held() const { return held_; } ///< bytes of a piece that is not whole yet

private:
  Arena& arena_;
  MutBytes buffer_;
  std::size_t held_ = 0;
};

} // namespace pvboot::codec
