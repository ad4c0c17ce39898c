// A guest in the model as Xen's domain builder, or another loader, starts it: with us in it.
//
// Written from xen-abi.md part A, not from the code under test: region, page tables, P2M, start_info, module, holes.
// Frames of the machine lie in any order (an affine permutation), so that nothing works because PFN and MFN agree.
#pragma once

#include "tests/model/xen.hpp"
#include "xen/start_info.hpp"

#include <memory>
#include <set>

namespace pvboot::model {

struct DomainSpec {
  std::uint64_t nr_pages = 4096;
  std::uint64_t image_pages = 600;
  GuestVirt base{0x100000000000};
  bool own_p2m = true; ///< at p2m_address, as an INIT_P2M note asks; otherwise in the region
  GuestVirt p2m_address{0x8000000000};
  std::uint64_t module_bytes = 0; ///< unmapped, above the region
  std::uint64_t order = 1;        ///< of the machine frames: any number
  Mfn machine_base{0x100000};
  std::set<std::uint64_t> holes; ///< those that fall on what the builder places are not made
  std::uint64_t p2m_gap = 0;     ///< pages that the builder leaves free before a P2M of its own address
};

class Domain {
public:
  explicit Domain(const DomainSpec& spec);

  Mfn frame(Pfn name) const;          ///< as the builder named it
  Pfn original_name(Mfn frame) const; ///< the same backwards
  std::uint64_t usable_pages() const { return spec_.nr_pages - spec_.holes.size(); }
  bool is_hole(Pfn name) const { return spec_.holes.contains(name.value); }
  GuestVirt address(Pfn name) const { return spec_.base + (name.value << page_shift); }

  const DomainSpec& spec() const { return spec_; }
  Xen& xen() { return xen_; }
  Machine& machine() { return machine_; }
  xen::StartInfo start_info() const;
  const start_info_t& raw() const { return raw_; }
  std::uint64_t region_pages() const { return region_pages_; }
  /// Pages of our image that hold what must not be seen later: all but the two below.
  Pfn shared_page() const { return Pfn{16}; } ///< its address maps shared_info
  Pfn guard_page() const { return Pfn{17}; }  ///< not mapped
  shared_info_t& shared() { return *shared_; }

  static constexpr std::byte secret{0x5e};

private:
  void place();
  void fill_p2m();
  void build_tables();
  void fill_pages();
  void use_vcpu();
  void map(Pfn table_area, GuestVirt at, std::uint64_t entry, std::uint64_t& next_table);

  DomainSpec spec_;
  Machine machine_;
  Xen xen_;
  std::uint64_t step_ = 1, inverse_ = 1;
  std::uint64_t p2m_pages_ = 0;
  Pfn p2m_first_, start_info_, store_, console_, tables_, stack_, module_;
  std::uint64_t table_count_ = 0, p2m_tables_ = 0;
  std::uint64_t region_pages_ = 0;
  start_info_t raw_{};
  std::unique_ptr<shared_info_t> shared_;
};

} // namespace pvboot::model
