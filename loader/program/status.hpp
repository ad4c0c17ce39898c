// What happened, for the host: keys below data/pvboot/ in the guest's xenstore directory.
//
//   version   "pvboot 0.1.0 (build-id ...)"
//   state     "starting", "booting", "failed", "menu", "handed-over"
//   entry     the title of the entry that is or was being booted
//   error     the last error, as it stood on the console
//
// A store that does not take them costs a debug line, never a boot.
#pragma once

#include "loader/program/log.hpp"
#include "xen/xenstore.hpp"

namespace pvboot::loader {

class Status {
public:
  /// `store` may be null: the initial domain has none.
  Status(xen::XenStore* store, Log& log) : store_(store), log_(log) {}

  void set(std::string_view key, std::string_view value);

private:
  xen::XenStore* store_;
  Log& log_;
};

} // namespace pvboot::loader
