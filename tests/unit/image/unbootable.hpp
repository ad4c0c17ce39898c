// The table of kernels that cannot be booted: each a file, and what a person has to be told about it.
//
// It is the only one. The unit test loads the files; the hidden test case [write-unbootable] writes them into
// $PVBOOT_UNBOOTABLE with a list of them, kernels.json, for the test of the host command and for the scenario that puts
// them all on a disk.
#pragma once

#include "kernels.hpp"

namespace pvboot::test {

struct Unbootable {
  std::string name; ///< also the file's
  Octets file;
  Code code;
  std::string words; ///< of the reason

  /// Of the reason in a guest of 256 MiB where it is the guest that is too small; empty where the reason is the same.
  std::string words_in_guest{};
};

std::vector<Unbootable> unbootable_kernels();

} // namespace pvboot::test
