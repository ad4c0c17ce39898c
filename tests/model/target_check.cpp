#include "tests/model/target_check.hpp"

#include "base/text.hpp"
#include "xen/memory/pte.hpp"

#include <algorithm>

namespace pvboot::model {

namespace {

namespace pte = xen::pte;
using xen::FrameRange;
using xen::StartOfDay;

constexpr std::uint64_t page_flags = pte::present | pte::writable | pte::accessed;
constexpr std::uint64_t table_flags = pte::present | pte::writable | pte::accessed | pte::dirty | pte::user;

class Check {
public:
  Check(Domain& domain, const Entered& entered, const Expected& expected)
      : domain_(domain), xen_(domain.xen()), machine_(domain.machine()), entered_(entered), expected_(expected),
        layout_(expected.layout) {}

  std::string run() {
    vcpu();
    shared_info();
    start_info();
    if (error_.empty())
      names();
    if (error_.empty())
      tables();
    if (error_.empty())
      types();
    if (error_.empty())
      content();
    return error_;
  }

private:
  /// `what` is a text, or gives one when it is wanted: most checks are made a page, and hold.
  template <typename What> void require(bool holds, const What& what) {
    if (holds || !error_.empty())
      return;
    if constexpr (std::is_invocable_v<What>)
      error_ = what();
    else
      error_ = what;
  }
  template <typename A, typename B, typename What> void equal(const A& is, const B& should, const What& what) {
    const auto number = static_cast<std::uint64_t>(is), wanted = static_cast<std::uint64_t>(should);
    if (number == wanted || !error_.empty())
      return;
    require(false, what);
    error_ += " is " + hex(number) + ", not " + hex(wanted);
  }

  void vcpu() {
    const Vcpu& v = xen_.vcpu();
    equal(entered_.entry.value, layout_.entry.value, "rip");
    equal(entered_.stack.value, layout_.address_of(layout_.boot_stack + 1).value, "rsp");
    equal(entered_.start_info.value, layout_.address_of(layout_.start_info).value, "rsi");
    equal(entered_.mxcsr, 0x1f80u, "MXCSR");
    for (const auto& [type, address] : v.callbacks)
      equal(address, 0u, "callback " + dec(type));
    for (const auto& [type, flags] : v.callback_flags)
      equal(flags, 0u, "flags of callback " + dec(type));
    equal(v.traps, 0u, "trap table");
    require(v.gdt.empty(), "a GDT is left");
    equal(v.ldt_entries, 0u, "LDT");
    for (unsigned i = 0; i < 4; ++i)
      equal(v.debug[i], 0u, "DR" + dec(i));
    equal(v.debug[6], 0xffff0ff0u, "DR6");
    equal(v.debug[7], 0x400u, "DR7");
    equal(v.iopl, 0u, "IOPL");
    equal(v.assists, 0u, "vm_assist");
    equal(v.kernel_ss, 0xe02bu, "kernel SS");
    equal(v.kernel_sp, entered_.stack.value, "kernel stack");
    equal(v.fs_base | v.gs_base | v.gs_base_user, 0u, "segment bases");
    require(!v.fpu_trap, "CR0.TS is set");
    equal(v.timer, 0u, "timer");
    equal(xen_.user_base().value, 0u, "user page table");
  }

  void shared_info() {
    const shared_info_t& s = domain_.shared();
    for (const auto& vcpu : s.vcpu_info) {
      equal(vcpu.evtchn_upcall_mask, 1u, "upcall_mask");
      equal(vcpu.evtchn_upcall_pending, 0u, "upcall_pending");
      equal(vcpu.evtchn_pending_sel, 0u, "pending_sel");
    }
    for (const auto word : s.evtchn_pending)
      equal(word, 0u, "pending word");
    for (const auto word : s.evtchn_mask)
      equal(word, 0u, "mask word");
    equal(s.arch.max_pfn | s.arch.pfn_to_mfn_frame_list_list | s.arch.p2m_cr3 | s.arch.p2m_vaddr |
              s.arch.p2m_generation,
          0u, "P2M words of shared_info");
    equal(s.wc_sec, 1234567u, "wall clock");
  }

  void start_info() {
    read(entered_.start_info, &info_, sizeof info_);
    const start_info_t& in = domain_.raw();
    const bool unmapped = layout_.initrd && !layout_.initrd->address;
    require(std::string_view(info_.magic) == "xen-3.0-x86_64", "magic");
    equal(info_.nr_pages, expected_.gathered ? domain_.usable_pages() : in.nr_pages, "nr_pages");
    equal(info_.shared_info, in.shared_info, "shared_info");
    equal(info_.flags, (unmapped ? SIF_MOD_START_PFN : 0) | SIF_VIRT_P2M_4TOOLS, "flags");
    equal(info_.store_mfn, in.store_mfn, "store_mfn");
    equal(info_.store_evtchn, in.store_evtchn, "store_evtchn");
    equal(info_.console.domU.mfn, in.console.domU.mfn, "console mfn");
    equal(info_.console.domU.evtchn, in.console.domU.evtchn, "console evtchn");
    equal(info_.mod_len, expected_.initrd.size(), "mod_len");
    if (layout_.initrd)
      equal(info_.mod_start, unmapped ? layout_.initrd->frames.first.value : layout_.initrd->address->value,
            "mod_start");
    require(std::string_view(reinterpret_cast<const char*>(info_.cmd_line)) == layout_.command_line, "cmd_line");
    equal(info_.mfn_list, layout_.p2m.address.value, "mfn_list");
    const bool beside = layout_.p2m.way != xen::P2mPlace::Way::in_region;
    equal(info_.first_p2m_pfn, beside ? layout_.p2m.frames.first.value : 0, "first_p2m_pfn");
    equal(info_.nr_p2m_frames, beside ? layout_.p2m.frames.count : 0, "nr_p2m_frames");
    p2m_in_tables_ = beside;
  }

  std::uint64_t p2m(Pfn name) {
    std::uint64_t frame = 0;
    read(GuestVirt{info_.mfn_list + name.value * 8}, &frame, 8);
    return frame;
  }

  // Every name has a frame of its own, and Xen's M2P says the same.
  void names() {
    std::uint64_t holes = 0;
    // All of it up to 4 GiB, some of it beyond.
    const std::uint64_t step = layout_.nr_pages <= 1 << 20 ? 1 : layout_.nr_pages >> 14;
    for (std::uint64_t i = 0; i < layout_.nr_pages && error_.empty(); i += step) {
      const std::uint64_t frame = p2m(Pfn{i});
      if (frame == ~std::uint64_t{0}) {
        ++holes;
        continue;
      }
      equal(xen_.name_of(Mfn{frame}), i, [&] { return "M2P of " + hex(frame); });
    }
    if (step == 1 || expected_.gathered)
      equal(holes, expected_.gathered ? 0 : domain_.spec().holes.size(), "number of holes");
    equal(xen_.name_of(Mfn{info_.store_mfn}), layout_.store.value, "name of the xenstore page");
    equal(xen_.name_of(Mfn{info_.console.domU.mfn}), layout_.console.value, "name of the console page");
  }

  void tables() {
    equal(info_.pt_base, layout_.address_of(layout_.page_tables.first).value, "pt_base");
    equal(info_.nr_pt_frames, layout_.page_tables.count, "nr_pt_frames");
    const FrameRange own{Pfn{(info_.pt_base - layout_.virt_base.value) >> page_shift}, info_.nr_pt_frames};
    equal(xen_.base().value, p2m(own.first), "CR3");
    require(xen_.state(xen_.base()).pinned, "the L4 is not pinned");

    // From the root: every entry has exactly the right flags, and all tables are where they belong.
    const std::uint64_t region_first = layout_.virt_base.value;
    std::uint64_t mapped = 0, found = 1, found_beside = 0;
    const auto descend = [&](auto& self, unsigned level, Mfn table, std::uint64_t base) -> void {
      for (std::uint64_t i = 0; i < 512 && error_.empty(); ++i) {
        if (level == 4 && xen::is_xen_slot(i))
          continue;
        const std::uint64_t entry = machine_.word(table, i);
        if (entry == 0)
          continue;
        std::uint64_t at = base + (i << (page_shift + 9 * (level - 1)));
        if (level == 4 && i >= 256)
          at |= 0xffff000000000000;
        const Mfn frame = xen::frame_in(xen::Pte{entry});
        const Pfn name{xen_.name_of(frame)};
        if (level != 1) {
          equal(entry & ~pte::frame_mask, table_flags, [&] { return "flags of an L" + dec(level) + " entry"; });
          if (own.contains(name))
            ++found;
          else {
            require(p2m_in_tables_ && layout_.p2m.frames.contains(name),
                    [&] { return "a table outside pt_base: name " + hex(name.value); });
            ++found_beside;
          }
          self(self, level - 1, frame, at);
          continue;
        }
        ++mapped;
        const std::uint64_t offset = (at - region_first) >> page_shift;
        if (at >= region_first && offset < layout_.region.count) {
          equal(name.value, offset, [&] { return "name behind " + hex(at); });
          equal(entry & ~pte::frame_mask, page_flags & ~(own.contains(name) ? pte::writable : 0),
                [&] { return "flags of " + hex(at); });
          continue;
        }
        const std::uint64_t list = (at - info_.mfn_list) >> page_shift;
        require(p2m_in_tables_ && at >= info_.mfn_list && list < list_pages(),
                [&] { return "something is mapped at " + hex(at); });
        equal(entry & ~pte::frame_mask, page_flags, [&] { return "flags of the P2M at " + hex(at); });
        require(layout_.p2m.frames.contains(name), "the P2M's frames are outside its range");
        require(list_names_.insert(name.value).second, "a P2M page twice");
      }
    };
    descend(descend, 4, xen_.base(), 0);
    equal(mapped, layout_.region.count + (p2m_in_tables_ ? list_pages() : 0), "mapped pages");
    equal(found, own.count, "tables in the region");
    if (p2m_in_tables_)
      equal(found_beside + list_pages(), layout_.p2m.frames.count, "frames of the P2M and its tables");
  }

  /// A list that is handed on is as long as it was; past nr_pages it names nothing.
  std::uint64_t list_pages() const {
    return layout_.p2m.way == xen::P2mPlace::Way::handed_on ? pages_for(domain_.raw().nr_pages * 8)
                                                            : layout_.p2m.list_pages;
  }

  // Nothing is typed but this tree and what it maps.
  void types() {
    for (const auto& [number, state] : xen_.states()) {
      const Mfn frame{number};
      const std::uint64_t name = xen_.name_of(frame);
      if (state.pinned)
        equal(number, xen_.base().value, "pinned frame");
      if (state.count == 0)
        continue;
      const bool in_tables =
          layout_.page_tables.contains(Pfn{name}) || (p2m_in_tables_ && layout_.p2m.frames.contains(Pfn{name}));
      if (state.type == Type::writable) {
        require(!(layout_.region.contains(Pfn{name}) && expected_.stuck.contains(number)),
                [&] { return "a page that a backend writes to is in the region: " + hex(name); });
        require(layout_.region.contains(Pfn{name}) || list_names_.contains(name) || expected_.stuck.contains(number),
                [&] { return "a writable reference is left on " + hex(name); });
        equal(state.count, 1u, [&] { return "writable references of " + hex(name); });
      } else {
        require(in_tables, [&] { return "the frame named " + hex(name) + " is still typed"; });
      }
    }
  }

  void content() {
    const auto kernel_byte = [&](std::uint64_t address) { return layout_.virt_base + address; };
    for (const xen::KernelSegment& s : layout_.segments) {
      require(same(kernel_byte(s.address), expected_.kernel_file.substr(s.file_offset, s.file_size)),
              "kernel segment at " + hex(s.address));
      require(all(kernel_byte(s.address + s.file_size), s.memory_size - s.file_size, std::byte{0}),
              "BSS at " + hex(s.address + s.file_size));
    }
    if (layout_.symbols_at)
      require(same(kernel_byte(*layout_.symbols_at), expected_.symbols), "symbol table");
    if (layout_.initrd) {
      std::string padded = expected_.initrd;
      padded.resize(pages_for(padded.size()) << page_shift);
      for (std::uint64_t i = 0; i < layout_.initrd->frames.count && error_.empty(); ++i)
        require(std::memcmp(machine_.page(Mfn{p2m(layout_.initrd->frames.first + i)}).data(),
                            padded.data() + (i << page_shift), page_size) == 0,
                [&] { return "initrd page " + dec(i); });
    }
    require(all(layout_.address_of(layout_.boot_stack), page_size, std::byte{0}), "boot stack");
    require(all(layout_.address_of(layout_.store), page_size, std::byte{0x57}), "xenstore page");
    require(all(layout_.address_of(layout_.console), page_size, std::byte{0xc0}), "console page");
    require(all(entered_.start_info + sizeof(start_info_t), page_size - sizeof(start_info_t), std::byte{0}),
            "rest of start_info's page");
    if (layout_.hypercall_page)
      hypercall_page();
    // Nothing of ours is left to be seen.
    for (Pfn name{0}; name.value < domain_.spec().image_pages && error_.empty(); ++name) {
      if (name == domain_.shared_page() || name == domain_.guard_page())
        continue;
      const Page& page = machine_.page(domain_.frame(name));
      require(std::memchr(page.data(), static_cast<int>(Domain::secret), page.size()) == nullptr,
              [&] { return "a secret is left in our page " + hex(name.value); });
    }
    remains();
  }

  // What of the kernel's file is not the target's is nobody's.
  void remains() {
    constexpr std::size_t sample = 16;
    std::set<std::string_view> starts;
    for (std::size_t at = 0; at + sample <= expected_.kernel_file.size(); at += page_size)
      starts.insert(std::string_view(expected_.kernel_file).substr(at, sample));
    machine_.for_each([&](Mfn frame, const Page& page) {
      const Pfn name{xen_.name_of(frame)};
      const bool of_target = layout_.region.contains(name) || layout_.p2m.frames.contains(name) ||
                             (layout_.initrd && layout_.initrd->frames.contains(name));
      const std::string_view start(reinterpret_cast<const char*>(page.data()), sample);
      require(of_target || !starts.contains(start), "a page of the kernel's file is left at " + hex(name.value));
    });
  }

  void hypercall_page() {
    Page page;
    read(layout_.address_of(*layout_.hypercall_page), page.data(), page.size());
    for (unsigned n = 0; n < 128; ++n) {
      const auto* stub = reinterpret_cast<const unsigned char*>(page.data() + n * 32);
      const std::string common{"\x51\x41\x53", 3};
      require(std::memcmp(stub, common.data(), 3) == 0, "hypercall stub " + dec(n));
      const unsigned at = n == __HYPERVISOR_iret ? 4 : 3;
      require(stub[at] == 0xb8 && stub[at + 1] == n, "number of hypercall stub " + dec(n));
    }
  }

  void read(GuestVirt from, void* to, std::uint64_t bytes) {
    auto* out = static_cast<std::byte*>(to);
    while (bytes != 0) {
      const std::uint64_t part = std::min(bytes, page_size - from.value % page_size);
      std::memcpy(out, xen_.touch(from, false), part);
      out += part;
      from = from + part;
      bytes -= part;
    }
  }
  bool same(GuestVirt at, std::string_view should) {
    std::string is(should.size(), '\0');
    read(at, is.data(), is.size());
    // A hypercall page may lie anywhere in the kernel, and takes the place of what was there.
    for (std::size_t i = 0; i < is.size(); ++i)
      if (is[i] != should[i] && Pfn{(at + i - layout_.virt_base) >> page_shift} != layout_.hypercall_page)
        return false;
    return true;
  }
  bool all(GuestVirt at, std::uint64_t bytes, std::byte value) {
    return same(at, std::string(bytes, static_cast<char>(value)));
  }

  Domain& domain_;
  Xen& xen_;
  Machine& machine_;
  Entered entered_;
  const Expected& expected_;
  const StartOfDay& layout_;
  start_info_t info_{};
  bool p2m_in_tables_ = false;
  std::set<std::uint64_t> list_names_;
  std::string error_;
};

} // namespace

std::string check_target(Domain& domain, const Entered& entered, const Expected& expected) {
  try {
    return Check(domain, entered, expected).run();
  } catch (const Fault& fault) {
    return fault.what();
  }
}

} // namespace pvboot::model
