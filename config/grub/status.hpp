// What a command leaves in `$?`. The numbers are GRUB's, since configurations compare and return them.
#pragma once

#include "base/error.hpp"

#include <cstdint>

namespace pvboot::config::grub {

enum class Status : std::uint32_t {
  success = 0,
  test_failure = 1,
  bad_file_type = 4,
  file_not_found = 5,
  file_read_error = 6,
  bad_filename = 7,
  unknown_filesystem = 8,
  bad_number = 10,
  out_of_range = 11,
  unknown_device = 12,
  write_error = 15,
  unknown_command = 16,
  invalid_command = 17,
  bad_argument = 18,
  not_implemented = 24,
  menu = 27,
  io = 29,
  access_denied = 30,
};

/// The status of a command that met this error.
inline Status status_of(const Error& error) {
  switch (error.code()) {
  case Code::not_found: return Status::file_not_found;
  case Code::corrupt: return Status::file_read_error;
  case Code::unsupported: return Status::not_implemented;
  case Code::invalid: return Status::bad_argument;
  case Code::too_large: return Status::out_of_range;
  case Code::denied: return Status::access_denied;
  case Code::io:
  case Code::timed_out:
  case Code::gone:
  case Code::out_of_memory: break;
  }
  return Status::io;
}

} // namespace pvboot::config::grub
