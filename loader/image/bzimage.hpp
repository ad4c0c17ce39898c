// The bzImage: where a Linux kernel file keeps its compressed ELF, and what it says about itself.
//
// [Linux: Documentation/arch/x86/boot.rst] Protocol 2.8 (Linux 2.6.26) or newer: older ones do not say where the
// payload is. The payload's last 4 bytes are the uncompressed size for every method but a bare ELF (gzip's own
// trailer ends with it as well).
//
// Fails with Code::unsupported (no payload to be found this way) or Code::corrupt (fields that contradict the file).
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace pvboot::image {

struct BzImage {
  std::uint16_t protocol = 0;       ///< 0x020f for 2.15
  std::string version;              ///< "6.1.0-56-amd64 (debian-kernel@…) #1 …", empty where there is none
  std::uint64_t payload_offset = 0; ///< bytes from the start of the file
  std::uint64_t payload_length = 0; ///< bytes, the size word included
};

/// How many first bytes read_setup() wants; fewer only if the file is shorter.
constexpr std::size_t setup_head_size = 0x10400;

/// Whether `head` carries the boot signature and the "HdrS" of a bzImage.
bool is_bzimage(Bytes head);

Result<BzImage> read_setup(Bytes head, std::uint64_t file_size);

} // namespace pvboot::image
