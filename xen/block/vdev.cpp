#include "xen/block/vdev.hpp"

#include "base/text.hpp"

#include <array>

namespace pvboot::xen {

namespace {

// "a" … "z", "aa", … as disks are counted.
std::string letters(std::uint64_t index) {
  std::string out;
  for (++index; index != 0; index = (index - 1) / 26)
    out.insert(out.begin(), static_cast<char>('a' + (index - 1) % 26));
  return out;
}

std::string disk_name(std::string_view prefix, std::uint64_t disk, std::uint64_t partition) {
  std::string name = std::string(prefix) + letters(disk);
  if (partition != 0)
    name += dec(partition);
  return name;
}

struct Major {
  std::uint64_t number;
  std::string_view prefix;
  unsigned partition_bits;
  std::uint64_t first_disk;
};
// The majors of Linux's IDE, SCSI and xvd disks [vbd-interface.txt].
constexpr std::array majors = {
    Major{202, "xvd", 4, 0}, Major{8, "sd", 4, 0},   Major{65, "sd", 4, 16}, Major{66, "sd", 4, 32},
    Major{67, "sd", 4, 48},  Major{68, "sd", 4, 64}, Major{69, "sd", 4, 80}, Major{70, "sd", 4, 96},
    Major{71, "sd", 4, 112}, Major{3, "hd", 6, 0},   Major{22, "hd", 6, 2},  Major{33, "hd", 6, 4},
    Major{34, "hd", 6, 6},   Major{56, "hd", 6, 8},  Major{57, "hd", 6, 10},
};

} // namespace

std::string vdev_name(std::uint64_t vdev) {
  constexpr std::uint64_t extended = std::uint64_t{1} << 28;
  if (vdev >= extended && vdev < 2 * extended)
    return disk_name("xvd", (vdev - extended) >> 8, vdev & 255);
  for (const Major& major : majors)
    if (vdev >> 8 == major.number) {
      const std::uint64_t minor = vdev & 255;
      return disk_name(major.prefix, major.first_disk + (minor >> major.partition_bits),
                       minor & ((std::uint64_t{1} << major.partition_bits) - 1));
    }
  return "vbd-" + dec(vdev);
}

} // namespace pvboot::xen
