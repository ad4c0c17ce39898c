// What elfutils' libelf says about an ELF file, to hold ours against.
#pragma once

#include "loader/image/kernel_info.hpp"

namespace pvboot::test {

struct Judgement {
  image::ElfHeader header;
  std::vector<image::ProgramHeader> segments;
  std::vector<image::SectionHeader> sections;
  std::vector<std::string> section_names;
};

/// Nothing where libelf refuses the file.
std::optional<Judgement> judge(Bytes file);

/// Fails the test where ours and libelf differ on a file that both accept. True if both do.
bool compare_with_libelf(Bytes file);

} // namespace pvboot::test
