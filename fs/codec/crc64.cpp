// lzma_crc64 for the loader, over liblzma's own table: the archive's function chooses between two by the CPU in a
// static constructor, and the loader runs none. [xz: The .xz File Format 1.2, section 3.4; ECMA-182]
#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {

/// The table of slice n gives the CRC of a byte followed by n zero bytes.
extern const std::uint64_t lzma_crc64_table[4][256];

std::uint64_t lzma_crc64(const std::uint8_t* data, std::size_t size, std::uint64_t crc) {
  crc = ~crc;
  for (; size >= sizeof(std::uint32_t); size -= sizeof(std::uint32_t), data += sizeof(std::uint32_t)) {
    std::uint32_t word;
    std::memcpy(&word, data, sizeof(word));
    word ^= static_cast<std::uint32_t>(crc);
    crc = lzma_crc64_table[3][word & 0xff] ^ lzma_crc64_table[2][word >> 8 & 0xff] ^
          lzma_crc64_table[1][word >> 16 & 0xff] ^ lzma_crc64_table[0][word >> 24] ^ (crc >> 32);
  }
  for (; size != 0; --size, ++data)
    crc = lzma_crc64_table[0][(*data ^ crc) & 0xff] ^ (crc >> 8);
  return ~crc;
}
}
