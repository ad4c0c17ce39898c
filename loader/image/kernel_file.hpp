// What kind of kernel file this is, before any of it is decoded.
//
// A file is a bzImage (its payload compressed or a bare ELF), an ELF, or an ELF compressed as a whole. The claim of
// the uncompressed size sizes the staging window; it is a claim of the file, and the decoder holds the output to it.
//
// Fails with Code::unsupported (nothing that is known; the message says what it looks like), Code::corrupt,
// Code::too_large (a size or a decoder's memory that no kernel needs), or whatever reading the file fails with.
#pragma once

#include "base/units.hpp"
#include "fs/codec/codec.hpp"
#include "fs/file.hpp"
#include "loader/image/bzimage.hpp"

namespace pvboot::image {

enum class Container : std::uint8_t { bzimage, elf };

struct ImageHead {
  Container container = Container::elf;
  std::optional<codec::Codec> codec;         ///< nothing: the ELF lies bare in the file
  BzImage setup;                             ///< Container::bzimage
  std::uint64_t file_size = 0;               ///< bytes
  std::uint64_t payload_offset = 0;          ///< the compressed stream or the bare ELF, in the file
  std::uint64_t payload_length = 0;          ///< bytes, without a bzImage's size word
  std::optional<std::uint64_t> content_size; ///< after decoding, where the file states it
  std::uint64_t decoder_memory = 0;          ///< the arena that decoding needs, bytes

  /// Bytes that the staging window should have: content_size, or a generous guess where none is stated.
  std::uint64_t window_size() const;
};

constexpr std::uint64_t max_window = 1_GiB;

/// Looks at the file's first and last bytes, at the start of the payload and at the size behind it.
Result<ImageHead> peek(fs::File& file);

/// From so many first bytes not_a_kernel() knows whatever it knows.
constexpr std::size_t recognizable = 1_KiB;
/// Why a file, or what one decompresses to, is no kernel, by its first bytes: Code::unsupported.
Error not_a_kernel(Bytes head);

/// "bzImage, XZ" for people.
std::string describe(const ImageHead& head);

} // namespace pvboot::image
