#include "tests/model/domain.hpp"

#include "xen/memory/pte.hpp"
#include "xen/memory/start_of_day.hpp"

#include <numeric>

namespace pvboot::model {

namespace {

namespace pte = xen::pte;

constexpr std::uint64_t page_flags = pte::present | pte::writable | pte::accessed;
constexpr std::uint64_t table_flags = pte::present | pte::writable | pte::accessed | pte::dirty | pte::user;

std::uint64_t inverse_of(std::uint64_t step, std::uint64_t modulus) {
  std::int64_t a = static_cast<std::int64_t>(step), b = static_cast<std::int64_t>(modulus), x = 1, y = 0;
  while (b != 0) {
    const std::int64_t q = a / b;
    a -= q * b;
    std::swap(a, b);
    x -= q * y;
    std::swap(x, y);
  }
  return static_cast<std::uint64_t>(x < 0 ? x + static_cast<std::int64_t>(modulus) : x);
}

std::uint64_t times(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
  __extension__ typedef unsigned __int128 wide; // NOLINT(modernize-use-using): __extension__ goes with no alias
  return static_cast<std::uint64_t>(static_cast<wide>(a) * b % modulus);
}

std::uint64_t spans(std::uint64_t first, std::uint64_t bytes, unsigned bits) {
  return ((first + bytes - 1) >> bits) - (first >> bits) + 1;
}
std::uint64_t tables_for(std::uint64_t first, std::uint64_t bytes) {
  return spans(first, bytes, 21) + spans(first, bytes, 30) + spans(first, bytes, 39);
}

} // namespace

Domain::Domain(const DomainSpec& spec)
    : spec_(spec), xen_(machine_, spec.machine_base, spec.nr_pages), shared_(std::make_unique<shared_info_t>()) {
  step_ = spec.order % spec.nr_pages;
  while (step_ == 0 || std::gcd(step_, spec.nr_pages) != 1)
    step_ = (step_ + 1) % spec.nr_pages;
  inverse_ = inverse_of(step_, spec.nr_pages);
  place();
  xen_.names_by([this](Mfn frame) {
    const Pfn name = original_name(frame);
    return is_hole(name) ? ~std::uint64_t{0} : name.value;
  });
  fill_p2m();
  build_tables();
  fill_pages();
}

Mfn Domain::frame(Pfn name) const { return spec_.machine_base + times(name.value, step_, spec_.nr_pages); }
Pfn Domain::original_name(Mfn frame) const { return Pfn{times(frame - spec_.machine_base, inverse_, spec_.nr_pages)}; }

void Domain::place() {
  Pfn next{spec_.image_pages};
  const auto take = [&](std::uint64_t count) {
    const Pfn first = next;
    next = next + count;
    return first;
  };
  p2m_pages_ = pages_for(spec_.nr_pages * 8);
  if (!spec_.own_p2m)
    p2m_first_ = take(p2m_pages_);
  start_info_ = take(1);
  store_ = take(1);
  console_ = take(1);
  tables_ = next;
  for (table_count_ = 4;;) {
    const std::uint64_t end = spec_.base.value + ((next.value + table_count_ + 1 + 128) << page_shift);
    region_pages_ = ((((end >> 22) + 1) << 22) - spec_.base.value) >> page_shift;
    const std::uint64_t needed = 1 + tables_for(spec_.base.value, region_pages_ << page_shift);
    if (needed == table_count_)
      break;
    table_count_ = needed;
  }
  stack_ = tables_ + table_count_;
  next = Pfn{region_pages_};
  module_ = take(pages_for(spec_.module_bytes));
  xen::FrameRange gap;
  if (spec_.own_p2m) {
    p2m_tables_ = tables_for(spec_.p2m_address.value, p2m_pages_ << page_shift);
    gap = {next, spec_.p2m_gap};
    next = gap.end();
    p2m_first_ = take(p2m_pages_ + p2m_tables_);
  }
  if (next.value > spec_.nr_pages)
    throw std::logic_error("the loader itself does not fit into the modelled guest");
  std::erase_if(spec_.holes, [&](std::uint64_t hole) { return hole < next.value && !gap.contains(Pfn{hole}); });
  for (const std::uint64_t hole : spec_.holes)
    xen_.take_away(frame(Pfn{hole}));
}

void Domain::fill_p2m() {
  for (std::uint64_t page = 0; page < p2m_pages_; ++page)
    machine_.fill_when_touched(frame(p2m_first_ + page), [this, page](Page& content) {
      for (std::uint64_t i = 0; i < 512; ++i) {
        const Pfn name{page * 512 + i};
        const std::uint64_t value =
            name.value >= spec_.nr_pages || is_hole(name) ? ~std::uint64_t{0} : frame(name).value;
        std::memcpy(content.data() + i * 8, &value, 8);
      }
    });
}

void Domain::map(Pfn table_area, GuestVirt at, std::uint64_t entry, std::uint64_t& next_table) {
  Mfn table = frame(tables_);
  for (auto level = xen::Level::l4; level != xen::Level::l1; level = xen::below(level)) {
    std::uint64_t upper = machine_.word(table, xen::index_in(level, at));
    if (upper == 0) {
      const Mfn made = frame(table_area + next_table++);
      machine_.page(made).fill(std::byte{0});
      upper = address_of(made).value | table_flags;
      machine_.set_word(table, xen::index_in(level, at), upper);
    }
    table = xen::frame_in(xen::Pte{upper});
  }
  machine_.set_word(table, xen::index_in(xen::Level::l1, at), entry);
}

void Domain::build_tables() {
  machine_.page(frame(tables_)).fill(std::byte{0});
  std::uint64_t next = 1;
  for (Pfn name{0}; name.value < region_pages_; ++name) {
    const bool is_table = name >= tables_ && name < tables_ + table_count_;
    map(tables_, address(name), address_of(frame(name)).value | (page_flags & ~(is_table ? pte::writable : 0)), next);
  }
  std::uint64_t next_beside = 0;
  if (spec_.own_p2m)
    for (std::uint64_t i = 0; i < p2m_pages_; ++i)
      map(p2m_first_ + p2m_pages_, spec_.p2m_address + (i << page_shift),
          address_of(frame(p2m_first_ + i)).value | page_flags, next_beside);
  if (next != table_count_ || next_beside != p2m_tables_)
    throw std::logic_error("the modelled builder counts its tables wrongly");
  if (xen_.pin_l4(frame(tables_)) != 0 || xen_.load(frame(tables_)) != 0)
    throw std::logic_error("the model of Xen refuses the modelled builder's tables");
}

void Domain::fill_pages() {
  for (Pfn name{0}; name.value < spec_.image_pages; ++name)
    machine_.page(frame(name)).fill(secret);
  raw_.nr_pages = spec_.nr_pages;
  std::memcpy(raw_.magic, "xen-3.0-x86_64", 15);
  raw_.shared_info = 0x7000000;
  raw_.store_mfn = frame(store_).value;
  raw_.store_evtchn = 1;
  raw_.console.domU.mfn = frame(console_).value;
  raw_.console.domU.evtchn = 2;
  raw_.pt_base = address(tables_).value;
  raw_.nr_pt_frames = table_count_;
  raw_.mfn_list = spec_.own_p2m ? spec_.p2m_address.value : address(p2m_first_).value;
  if (spec_.own_p2m) {
    raw_.first_p2m_pfn = p2m_first_.value;
    raw_.nr_p2m_frames = p2m_pages_ + p2m_tables_;
  }
  if (spec_.module_bytes != 0) {
    raw_.mod_start = module_.value;
    raw_.mod_len = spec_.module_bytes;
    raw_.flags |= SIF_MOD_START_PFN;
  }
  raw_.flags |= SIF_VIRT_P2M_4TOOLS;
  machine_.page(frame(store_)).fill(std::byte{0x57});
  machine_.page(frame(console_)).fill(std::byte{0xc0});

  // As start-up code does it: shared_info mapped over a page of the image, the page below the stack unmapped.
  const Mfn foreign{raw_.shared_info >> page_shift};
  xen_.give(foreign);
  xen_.hypercall(__HYPERVISOR_update_va_mapping,
                 {address(shared_page()).value, raw_.shared_info | page_flags, UVMF_NONE, 0, 0});
  xen_.hypercall(__HYPERVISOR_update_va_mapping, {address(guard_page()).value, 0, UVMF_NONE, 0, 0});

  use_vcpu();
}

// A vCPU that somebody has used.
void Domain::use_vcpu() {
  mmuext_op_t base{};
  base.cmd = MMUEXT_NEW_USER_BASEPTR;
  base.arg1.mfn = xen_.base().value;
  if (xen_.hypercall(__HYPERVISOR_mmuext_op, {xen::address(&base), 1, 0, DOMID_SELF, 0}) != 0)
    throw std::logic_error("the model of Xen refuses a user's base that is pinned");
  Vcpu& vcpu = xen_.vcpu();
  for (const unsigned type : {CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall, CALLBACKTYPE_syscall32,
                              CALLBACKTYPE_sysenter}) {
    vcpu.callbacks[type] = 0x1234;
    vcpu.callback_flags[type] = CALLBACKF_mask_events;
  }
  vcpu.traps = 20;
  vcpu.ldt_entries = 3;
  vcpu.debug = {1, 2, 3, 4, 0, 0, 0xffff0ff1, 0x401};
  vcpu.iopl = 1;
  vcpu.assists = known_assists;
  vcpu.fs_base = vcpu.gs_base = vcpu.gs_base_user = 0x4321;
  vcpu.fpu_trap = true;
  vcpu.timer = 99;
  std::memset(shared_.get(), 0, sizeof *shared_);
  shared_->evtchn_pending[0] = 6;
  shared_->evtchn_mask[0] = ~xen_ulong_t{0};
  shared_->vcpu_info[0].evtchn_pending_sel = 1;
  shared_->vcpu_info[0].evtchn_upcall_pending = 1;
  shared_->arch.max_pfn = 77;
  shared_->arch.pfn_to_mfn_frame_list_list = 78;
  shared_->arch.p2m_cr3 = shared_->arch.p2m_vaddr = shared_->arch.p2m_generation = 79;
  shared_->wc_sec = 1234567;
}

xen::StartInfo Domain::start_info() const { return *xen::parse_start_info(raw_); }

} // namespace pvboot::model
