// The model in place of Xen, for a scope.
#pragma once

#include "tests/model/xen.hpp"

#include <leave_of_build.hpp>

namespace pvboot::model {

class Installed {
public:
  explicit Installed(Xen& model)
      : calls_(xen::HostHypervisor::install(&model)), memory_(xen::HostTouch::install(&model)) {}
  ~Installed() {
    xen::HostHypervisor::install(calls_);
    xen::HostTouch::install(memory_);
    xen::HostLeave::install(nullptr);
  }
  Installed(const Installed&) = delete;
  Installed& operator=(const Installed&) = delete;

private:
  xen::HypercallHandler* calls_;
  xen::MappedMemory* memory_;
};

} // namespace pvboot::model
