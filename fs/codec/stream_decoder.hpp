// A decoder over a library that takes some input and gives some output with each call, through a struct that has
// next_in, avail_in, next_out and avail_out: z_stream, bz_stream, lzma_stream.
//
// Once the window is full the library is given one byte beside it: the end of a stream writes nothing, so that it is
// still seen; what writes to that byte is more than the window holds.
#pragma once

#include "fs/codec/decoders.hpp"

#include <algorithm>
#include <limits>

namespace pvboot::codec {

template <typename Stream> class StreamDecoder : public WindowDecoder {
protected:
  using WindowDecoder::WindowDecoder;

  /// One call of the library on stream_; the status it returns.
  virtual int call() = 0;

  /// What that status means; sets ended_ at the end of the stream. `moved`: the call took or gave something.
  virtual Result<void> judge(int status, bool moved) = 0;

  Stream stream_{};

private:
  using Count = decltype(Stream::avail_in);

  Result<std::size_t> decode(Bytes input) final {
    std::size_t taken = 0;
    while (taken < input.size() && !ended_)
      taken += TRY(step(input.subspan(taken)));
    return taken;
  }

  Result<std::size_t> step(Bytes input) {
    // Some of the libraries count in 32 bits.
    constexpr std::size_t most = std::numeric_limits<unsigned>::max() / 2;
    const MutBytes out = rest();
    const bool full = out.empty();
    const auto in_size = static_cast<Count>(std::min(input.size(), most));
    const auto out_size = static_cast<Count>(full ? sizeof spill_ : std::min(out.size(), most));
    stream_.next_in = reinterpret_cast<decltype(stream_.next_in)>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<decltype(stream_.next_out)>(full ? &spill_ : out.data());
    stream_.avail_out = out_size;
    const int status = call();
    const std::size_t taken = in_size - stream_.avail_in;
    const std::size_t written = out_size - stream_.avail_out;
    if (full && written != 0)
      return window_full();
    produced_ += written;
    TRY(judge(status, taken != 0 || written != 0));
    return taken;
  }

  std::byte spill_{};
};

} // namespace pvboot::codec
