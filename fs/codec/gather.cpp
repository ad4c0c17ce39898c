#include "fs/codec/gather.hpp"

#include "fs/codec/decoders.hpp"

#include <algorithm>

namespace pvboot::codec {

Result<std::optional<Bytes>> Gather::take(Bytes& input, std::size_t length) {
  if (held_ == 0 && input.size() >= length) {
    const Bytes piece = input.first(length);
    input = input.subspan(length);
    return piece;
  }
  if (buffer_.size() < length) {
    // Only a piece's first part finds the buffer too small, so there is nothing in it to keep.
    arena_.release(buffer_.data());
    auto* memory = static_cast<std::byte*>(arena_.allocate(length));
    buffer_ = memory != nullptr ? MutBytes(memory, length) : MutBytes{};
    if (memory == nullptr)
      return arena_empty();
  }
  const std::size_t part = std::min(length - held_, input.size());
  if (part != 0)
    std::memcpy(buffer_.data() + held_, input.data(), part);
  input = input.subspan(part);
  held_ += part;
  if (held_ < length)
    return std::nullopt;
  held_ = 0;
  return Bytes(buffer_.first(length));
}

} // namespace pvboot::codec
