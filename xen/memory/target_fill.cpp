#include "xen/memory/target_fill.hpp"

#include "base/text.hpp"
#include "xen/memory/pte.hpp"
#include "xen/memory/target_content.hpp"
#include "xen/memory/touch.hpp"

#include <algorithm>
#include <array>

namespace pvboot::xen {

namespace {

GuestVirt page_of(const Window& window, std::uint64_t page) { return window.address + (page << page_shift); }

FrameRange between(Pfn first, Pfn end) { return first < end ? FrameRange{first, end - first} : FrameRange{end, 0}; }

/// The padding of the region, before the kernel and behind the stack; the trampoline's page is not part of it.
std::array<FrameRange, 2> padding_of(const StartOfDay& layout) {
  return {between(Pfn{0}, layout.kernel.first), between(layout.boot_stack + 1, layout.trampoline)};
}

/// The first name past everything of the target's.
Pfn end_of(const StartOfDay& layout) {
  Pfn end = std::max(layout.region.end(), layout.p2m.frames.end());
  if (layout.initrd)
    end = std::max(end, layout.initrd->frames.end());
  return end;
}

class Placer {
public:
  Placer(AddressSpace& memory, const StartOfDay& layout)
      : memory_(memory), layout_(layout), padding_(padding_of(layout)),
        rooms_{names_above(layout), padding_[1], padding_[0]} {}

  /// The frames of a window's pages, whatever they are called now, become `to`.
  Result<void> move_window(const Window& window, std::uint64_t first_page, FrameRange to) {
    return move(to, [&](std::uint64_t i) { return memory_.frame_at(page_of(window, first_page + i)); });
  }
  Result<void> move_frames(const std::vector<Mfn>& frames, Pfn to) {
    return move({to, frames.size()}, [&](std::uint64_t i) { return std::optional(frames[i]); });
  }

  Result<void> move_p2m() {
    const P2mPlace& p2m = layout_.p2m;
    if (p2m.way != P2mPlace::Way::handed_on) {
      std::vector<Mfn> list = TRY(memory_.p2m_list_frames());
      // What lies past the target's own names, holes all of it, stays with us.
      list.resize(std::min<std::size_t>(list.size(), p2m.list_pages));
      return move_frames(list, p2m.frames.first);
    }
    const auto own = memory_.frames().ledger().all(Use::p2m);
    if (own.size() == 1 && own.front().count == p2m.frames.count)
      return memory_.frames().move(own.front(), p2m.frames.first);
    // An attempt for another kernel has left list and tables apart.
    std::vector<Mfn> frames = TRY(memory_.p2m_list_frames());
    const std::vector<Mfn> tables = TRY(memory_.p2m_table_frames());
    frames.insert(frames.end(), tables.begin(), tables.end());
    if (frames.size() != p2m.frames.count)
      return fail(Code::corrupt, "our P2M's tables are not those that the layout counts");
    return move_frames(frames, p2m.frames.first);
  }

  Result<void> claim(FrameRange names) { return names.count == 0 ? Result<void>{} : memory_.claim(names, rooms_); }

  Result<void> claim_all(const KernelPages& pages) {
    for (const FrameRange& range : pages.composed)
      TRY(claim(range));
    TRY(claim({layout_.start_info, 1}));
    TRY(claim({layout_.page_tables.first, layout_.page_tables.count + 1}));
    TRY(claim({layout_.trampoline, 1}));
    if (layout_.hypercall_page && !layout_.kernel.contains(*layout_.hypercall_page))
      TRY(claim({*layout_.hypercall_page, 1}));
    if (layout_.p2m.way == P2mPlace::Way::rebuilt)
      TRY(claim({layout_.p2m.frames.first + layout_.p2m.list_pages, layout_.p2m.tables.total()}));
    for (const FrameRange& range : padding_)
      if (range.count != 0)
        TRY(memory_.vacate(range, rooms_));
    return {};
  }

private:
  template <typename FrameOf> Result<void> move(FrameRange to, FrameOf frame_of) {
    FrameMap& names = memory_.frames();
    for (std::uint64_t done = 0; done < to.count;) {
      // As many as lie together under their present names go together.
      FrameRange run;
      while (done + run.count < to.count) {
        const auto frame = frame_of(done + run.count);
        if (!frame)
          return fail(Code::invalid, "a window does not hold what the layout speaks of");
        const Pfn name = TRY(names.pfn_of(*frame));
        if (run.count != 0 && name != run.end())
          break;
        if (run.count == 0)
          run.first = name;
        ++run.count;
      }
      TRY(names.move(run, to.first + done));
      done += run.count;
    }
    return {};
  }

  AddressSpace& memory_;
  const StartOfDay& layout_;
  std::array<FrameRange, 2> padding_;
  std::array<FrameRange, 3> rooms_;
};

/// A range of the target's names, mapped as long as it is filled.
template <typename Fill> Result<void> with_mapped(AddressSpace& memory, FrameRange names, Fill fill) {
  const Window window = TRY(memory.map_names(names));
  fill(window.address);
  return memory.release(window);
}

Result<void> fill_page(AddressSpace& memory, Pfn name, Bytes content) {
  return with_mapped(memory, {name, 1}, [&](GuestVirt at) {
    zero(at, page_size);
    copy_in(at, content.data(), content.size());
  });
}

/// What of [address, address + bytes) lies in `names`: copied to where they are mapped.
template <typename Copy> void in_part(FrameRange names, std::uint64_t address, std::uint64_t bytes, Copy copy_part) {
  const std::uint64_t first = std::max(address, names.first.value << page_shift);
  const std::uint64_t end = std::min(address + bytes, names.end().value << page_shift);
  if (first < end)
    copy_part(first - (names.first.value << page_shift), first - address, end - first);
}

Result<void> compose(AddressSpace& memory, const HandoverInput& input, const KernelPages& pages, FrameRange names) {
  const StartOfDay& layout = input.layout;
  return with_mapped(memory, names, [&](GuestVirt at) {
    zero(at, names.count << page_shift);
    for (const FilePart& part : pages.parts)
      in_part(names, part.address, part.bytes, [&](std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
        copy(at + to, input.kernel.address + part.file_offset + from, bytes);
      });
    if (layout.symbols_at)
      in_part(names, *layout.symbols_at, layout.symbols_bytes,
              [&](std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
                copy_in(at + to, input.symbols.data() + from, bytes);
              });
  });
}

} // namespace

Result<void> check_input(const AddressSpace& memory, const HandoverInput& input) {
  const StartOfDay& layout = input.layout;
  if (layout.nr_pages != memory.usable_pages())
    return fail(Code::invalid, "the layout was made for another guest");
  for (const KernelSegment& s : layout.segments)
    if (s.file_offset > input.kernel.bytes() || s.file_size > input.kernel.bytes() - s.file_offset)
      return fail(Code::corrupt, "the kernel's file ends inside a segment");
  if (layout.symbols_at && input.symbols.size() != layout.symbols_bytes)
    return fail(Code::invalid, "the layout was made for another symbol table");
  if (layout.initrd.has_value() != input.initrd.has_value() ||
      (layout.initrd && pages_for(layout.initrd->bytes) > input.initrd->pages))
    return fail(Code::invalid, "the layout was made for another initrd");
  if (end_of(layout) > Pfn{layout.nr_pages})
    return fail(Code::invalid, "the layout does not fit into the guest");
  if (layout.p2m.way == P2mPlace::Way::handed_on && layout.p2m.address != memory.frames().list())
    return fail(Code::invalid, "the layout hands on a P2M that is not ours");
  if (memory.has_windows_beside(layout.address_of(layout.trampoline)))
    return fail(Code::unsupported, "the kernel's addresses are those of our own windows", hex(layout.virt_base.value));
  if (!memory.start().store || !memory.start().console)
    return fail(Code::unsupported, "a domain without a console and a xenstore ring has nothing to hand on");
  return {};
}

FrameRange names_above(const StartOfDay& layout) { return between(end_of(layout), Pfn{layout.nr_pages}); }

Result<void> put_names_in_place(AddressSpace& memory, const HandoverInput& input, const KernelPages& pages) {
  const StartOfDay& layout = input.layout;
  Placer place(memory, layout);
  TRY_AT(place.move_p2m(), "P2M");
  for (const WholePages& whole : pages.whole)
    TRY_AT(place.move_window(input.kernel, whole.file_page, {whole.to, whole.count}), "kernel");
  if (layout.initrd)
    TRY_AT(place.move_window(*input.initrd, 0, layout.initrd->frames), "initrd");
  TRY_AT(place.move_frames({memory.start().store->frame}, layout.store), "xenstore page");
  TRY_AT(place.move_frames({memory.start().console->frame}, layout.console), "console page");
  TRY(place.claim_all(pages));
  return memory.frames().flush();
}

Result<void> fill_target(AddressSpace& memory, const HandoverInput& input, const KernelPages& pages) {
  const StartOfDay& layout = input.layout;
  for (const FrameRange& names : pages.composed)
    TRY_AT(compose(memory, input, pages, names), "kernel");
  if (layout.initrd)
    zero(input.initrd->address + layout.initrd->bytes,
         (layout.initrd->frames.count << page_shift) - layout.initrd->bytes);
  const start_info_t info = compose_start_info(layout, input.incoming);
  TRY_AT(fill_page(memory, layout.start_info, std::as_bytes(std::span(&info, 1))), "start_info");
  TRY_AT(fill_page(memory, layout.boot_stack, {}), "boot stack");
  if (layout.hypercall_page)
    TRY_AT(fill_page(memory, *layout.hypercall_page, compose_hypercall_page()), "hypercall page");
  return {};
}

} // namespace pvboot::xen
