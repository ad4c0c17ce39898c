// What the host command's subcommands share: how they end, and their arguments.
#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace pvboot::tools {

/// Exit codes, as `pvboot --help` documents them.
enum Exit : int { exit_ok = 0, exit_refused = 1, exit_usage = 2 };

/// The arguments that several subcommands take.
struct Arguments {
  std::vector<std::string> images; ///< the guest's disks, in order
  std::string path;                ///< for ls, cat, stat
  std::string kernel;              ///< for inspect
  std::string entry;               ///< for plan: number, id or title; empty for the default
  std::uint64_t memory_mib = 512;  ///< for plan
  std::string extra;               ///< for entries and plan: the xl config's extra=
  bool json = false;
};

Result<void> list_directory(const Arguments& arguments);
Result<void> print_file(const Arguments& arguments);
Result<void> print_stat(const Arguments& arguments);
Result<void> print_entries(const Arguments& arguments);
Result<void> print_plan(const Arguments& arguments);

/// Prints what the file is, bootable or not; the Error says why not.
Result<void> inspect_kernel(const Arguments& arguments);

} // namespace pvboot::tools
