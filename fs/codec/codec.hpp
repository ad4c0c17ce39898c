// The compressions that a kernel or an initrd may have, and what their first bytes say.
//
// [gzip: RFC 1952] [xz: The .xz File Format 1.2] [lzma: lzma-file-format.txt of XZ Utils] [zstd: RFC 8878]
// [lz4: lz4_Frame_format.md; the legacy frame is the one that Linux uses] [lzo: lzop(1)'s header] [bzip2: "BZh"]
#pragma once

#include "base/bytes.hpp"

#include <optional>

namespace pvboot::codec {

enum class Codec : std::uint8_t { gzip, bzip2, lzma, xz, lzo, lz4_legacy, lz4_frame, zstd };

/// For people: "gzip", "LZ4 (legacy frame)".
std::string_view name(Codec codec);

/// How many first bytes detect(), memory_needed() and stated_size() want; fewer only if the file is shorter.
constexpr std::size_t head_size = 2048;

/// How many last bytes stated_size() wants; fewer only if the file is shorter.
constexpr std::size_t tail_size = 16384;

/// The codec whose magic `head` begins with. lzma has none and is told by the plausibility of its header.
std::optional<Codec> detect(Bytes head);

/// The arena that decoding needs, in bytes. Code::corrupt or Code::unsupported when the header is no good;
/// Code::too_large when it asks for more than `max_decoder_memory`.
Result<std::uint64_t> memory_needed(Codec codec, Bytes head);
constexpr std::uint64_t max_decoder_memory = std::uint64_t{1} << 30;

/// The size after decoding, where the format states it in `head` or `tail` (the first and the last bytes of a file
/// that is compressed as a whole). It is a claim, good for sizing memory; the decoder holds it to its bound.
std::optional<std::uint64_t> stated_size(Codec codec, Bytes head, Bytes tail);

} // namespace pvboot::codec
