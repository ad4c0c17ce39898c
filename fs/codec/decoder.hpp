// A streaming decoder: compressed bytes in, in chunks of any size; decoded bytes into one window of memory.
//
// The window is the whole output and must stay where it is: zstd's and LZ4's back references point into it, so that
// these need no window of their own (liblzma needs its dictionary from the arena). Bytes below produced() are final;
// bytes above it may have been written to.
//
// One stream (gzip member, xz stream, zstd or LZ4 frame) is decoded. What follows it is left alone: feed() does not
// consume it. A legacy LZ4 frame has no end mark: it ends with the input or with a word that cannot be a block's
// length, such as the size that Linux appends; that word is consumed.
//
// Fails with Code::corrupt (damaged, a checksum that does not match, or "compressed data ends early"),
// Code::too_large (more output than the window holds), Code::out_of_memory (the arena is too small) or
// Code::unsupported (a variant that is not read). After a failure a decoder only repeats it.
#pragma once

#include "fs/codec/arena.hpp"
#include "fs/codec/codec.hpp"

#include <memory>

namespace pvboot::codec {

class Decoder {
public:
  virtual ~Decoder() = default;

  /// Takes input and returns how much of it: all of it, unless the stream ends inside `input`.
  virtual Result<std::size_t> feed(Bytes input) = 0;

  /// Says that no more input comes; Code::corrupt if the stream has not ended.
  virtual Result<void> finish() = 0;

  virtual bool ended() const = 0;           ///< the stream's end, checksums included, has been seen
  virtual std::size_t produced() const = 0; ///< bytes of the window that are final
};

/// A decoder that writes to `window` and takes its memory from `arena`; both must outlive it.
Result<std::unique_ptr<Decoder>> open_decoder(Codec codec, Arena& arena, MutBytes window);

} // namespace pvboot::codec
