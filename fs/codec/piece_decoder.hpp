// A decoder of a format that is a list of pieces, each of a length that the ones before it tell: headers, length
// words, blocks.
#pragma once

#include "fs/codec/decoders.hpp"
#include "fs/codec/gather.hpp"

namespace pvboot::codec {

class PieceDecoder : public WindowDecoder {
public:
  /// The arena that decoding needs beyond the longest piece: a block's checksums, and what the arena adds.
  static constexpr std::uint64_t overhead = 1024;

  PieceDecoder(Arena& arena, MutBytes window, std::size_t first_piece)
      : WindowDecoder(window), piece_length_(first_piece), gather_(arena) {}

protected:
  /// The next piece; sets piece_length_ for the one after it, or ended_.
  virtual Result<void> on_piece(Bytes piece) = 0;

  /// Whether nothing of the next piece has come yet.
  bool between_pieces() const { return gather_.held() == 0; }

  std::size_t piece_length_;

private:
  Result<std::size_t> decode(Bytes input) final {
    const std::size_t given = input.size();
    while (!ended_) {
      const auto piece = TRY(gather_.take(input, piece_length_));
      if (!piece)
        break;
      TRY(on_piece(*piece));
    }
    return given - input.size();
  }

  Gather gather_;
};

} // namespace pvboot::codec
