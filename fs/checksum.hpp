// The checksums that partition tables and filesystems put over their metadata.
//
// Each takes the value so far and goes on with it, so that a checksum over several pieces needs no copy. None of
// them inverts its result: a format that wants "~0 in, inverted out" says so where it calls.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace pvboot::fs {

/// CRC-32 (polynomial 0x04c11db7, reflected), without pre- or post-inversion [UEFI: GPT; RFC 1952].
std::uint32_t crc32_update(std::uint32_t crc, Bytes bytes);

/// The usual CRC-32: ~0 in, inverted out.
inline std::uint32_t crc32(Bytes bytes) { return ~crc32_update(~std::uint32_t{0}, bytes); }

/// CRC-32C (polynomial 0x1edc6f41, reflected), without pre- or post-inversion [RFC 3720; ext4].
std::uint32_t crc32c_update(std::uint32_t crc, Bytes bytes);

/// CRC-16 (polynomial 0x8005, reflected), without pre- or post-inversion [ext4: group descriptors].
std::uint16_t crc16_update(std::uint16_t crc, Bytes bytes);

} // namespace pvboot::fs
