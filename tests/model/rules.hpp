// The rules that the model of Xen keeps, each as something a guest does and the answer it gets.
//
// The same code runs in two places: on the model, as a unit test, and as a guest on real Xen
// (tests/guest/rules), which prints whether Xen gives the same answers. A rule of the model that is not here has no
// right to be there.
#pragma once

#include "tests/model/rule_name.hpp"
#include "xen/memory/address_space.hpp"

#include <span>

namespace pvboot::model {

class RuleBench;

struct Rule {
  RuleName name;
  const char* deed; ///< what the guest does
  long answer;      ///< the hypercall's result
  long (*attempt)(RuleBench&);
};

std::span<const Rule> rules();

/// Who maps a frame of ours writable through a grant, as a backend does with a ring or a buffer. One frame at a time.
class Grantee {
public:
  virtual ~Grantee() = default;
  /// False when there is no mapping.
  virtual bool map(Mfn frame) = 0;
  virtual void unmap() = 0;
};

/// Plain pages, and the raw calls on them. A deed leaves all as it found it.
class RuleBench {
public:
  static Result<RuleBench> make(xen::AddressSpace& memory, Grantee& grantee);

  xen::AddressSpace& memory() { return *memory_; }
  Grantee& grantee() { return *grantee_; }
  Mfn shared_info() const { return Mfn{memory_->start().shared_info.value >> page_shift}; }
  GuestVirt page(std::uint64_t index) const { return window_.address + (index << page_shift); }
  Mfn frame(std::uint64_t index) const { return *memory_->frame_at(page(index)); }
  void clear(std::uint64_t index);
  void write(std::uint64_t index, std::uint64_t entry, std::uint64_t value);
  std::uint64_t read(std::uint64_t index, std::uint64_t entry) const;

  long map(std::uint64_t index, bool writable); ///< our mapping of a page of the bench
  long map_at(GuestVirt where, xen::Pte entry);
  long update(MachineAddr where, std::uint64_t value, unsigned command);
  long ext(unsigned command, Mfn frame);

private:
  RuleBench(xen::AddressSpace& memory, Grantee& grantee) : memory_(&memory), grantee_(&grantee) {}
  xen::AddressSpace* memory_;
  Grantee* grantee_;
  xen::Window window_;
};

/// The answer that `rule` gets here.
long try_rule(const Rule& rule, RuleBench& bench);

} // namespace pvboot::model
