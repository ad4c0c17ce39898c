// The rules that the model of Xen keeps, each as something a guest does and the answer it gets.
//
// The same code runs in two places: on the model, as a unit test, and as a guest on real Xen
// (tests/guest/rules), which prints whether Xen gives the same answers. A rule of the model that is not here has no
// right to be there.
#pragma once

#include "xen/memory/address_space.hpp"

#include <span>

namespace pvboot::model {

class RuleBench;

struct Rule {
  const char* name; ///< as in tests/model/xen.hpp
  const char* deed; ///< what the guest does
  long answer;      ///< the hypercall's result
  long (*attempt)(RuleBench&);
};

std::span<const Rule> rules();

/// Plain pages, and the raw calls on them. A deed leaves all as it found it.
class RuleBench {
public:
  static Result<RuleBench> make(xen::AddressSpace& memory);

  xen::AddressSpace& memory() { return *memory_; }
  GuestVirt page(std::uint64_t index) const { return window_.address + (index << page_shift); }
  Mfn frame(std::uint64_t index) const { return *memory_->frame_at(page(index)); }
  void clear(std::uint64_t index);
  void write(std::uint64_t index, std::uint64_t entry, std::uint64_t value);
  std::uint64_t read(std::uint64_t index, std::uint64_t entry) const;

  long map(std::uint64_t index, bool writable); ///< our mapping of a page of the bench
  long update(MachineAddr where, std::uint64_t value, unsigned command);
  long ext(unsigned command, Mfn frame);

private:
  explicit RuleBench(xen::AddressSpace& memory) : memory_(&memory) {}
  xen::AddressSpace* memory_;
  xen::Window window_;
};

/// The answer that `rule` gets here.
long try_rule(const Rule& rule, RuleBench& bench);

} // namespace pvboot::model
