// A loader without disks: hands over to the kernel in its module, to show the handover alone on real Xen.
//
// The module (ramdisk= in the xl config) is made by pack.py: a page with the lengths of kernel and initrd, the
// kernel as an ELF file, the initrd; each part begins on a page. `extra=` is the kernel's command line, but for words
// that begin with "test.": test.twice abandons the first handover and prepares another, test.mapped maps the initrd
// although the kernel would take it by its PFN, test.retry prepares for a layout without its own P2M first,
// test.holes=FIRST+COUNT,... gives the frames with these names back to Xen before anything else.
#include "base/text.hpp"
#include "loader/image/kernel_info.hpp"
#include "loader/plan/layout.hpp"
#include "loader/plan/target_of.hpp"
#include "tests/guest/handover/holes.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/crash.hpp"
#include "xen/memory/handover.hpp"

#include <algorithm>
#include <cstring>

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;
using namespace pvboot::xen;

struct Lengths {
  std::uint64_t kernel, initrd;
};

struct Words {
  std::string rest, holes;
  bool twice = false, mapped = false, retry = false;
};

Words sort_words(std::string_view line) {
  Words words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    if (word == "test.twice")
      words.twice = true;
    else if (word == "test.mapped")
      words.mapped = true;
    else if (word == "test.retry")
      words.retry = true;
    else if (word.starts_with("test.holes="))
      words.holes = word.substr(word.find('=') + 1);
    else if (!word.empty())
      words.rest += (words.rest.empty() ? "" : " ") + std::string(word);
  }
  return words;
}

class Shower {
public:
  explicit Shower(Guest& guest) : guest_(guest) {}

  void say(const std::string& text) { guest_.console.write("handover: " + text + "\n"); }

  Result<void> run() {
    const GuestVirt base{address(pvboot_virt_base)};
    auto memory = TRY_AT(AddressSpace::adopt(guest_.start, base), "our memory");
    say("region " + dec(memory->region().count) + " frames, P2M at " + hex(memory->frames().list().value));
    const start_info_t& raw = guest_.raw_start;
    say("started with start_info " + hex(address(&raw)) + " pt_base " + hex(raw.pt_base) + " + " +
        hex(raw.nr_pt_frames) + " module " + hex(raw.mod_start) + " + " + hex(raw.mod_len) + " P2M pfn " +
        hex(raw.first_p2m_pfn) + " + " + hex(raw.nr_p2m_frames) + " flags " + hex(raw.flags));
    if (!guest_.start.module)
      return fail(Code::not_found, "no module");
    const StartInfo::Module& module = *guest_.start.module;
    if (!module.by_pfn)
      return fail(Code::unsupported, "the module is mapped");
    const Window whole = TRY_AT(memory->map_names({module.first, pages_for(module.size)}), "module");
    Lengths lengths;
    std::memcpy(&lengths, whole.span().data(), sizeof lengths);
    const Words words = sort_words(guest_.start.command_line);
    if (!words.holes.empty())
      say("gave back " + dec(TRY(give_back(*memory, words.holes))) + " frames");

    Handover handover = TRY(attempt(*memory, whole, lengths, words, words.retry));
    if (words.twice || words.retry) {
      TRY_AT(handover.abandon(), "abandon");
      TRY(release());
      say("abandoned; once more");
      handover = TRY(attempt(*memory, whole, lengths, words, false));
    }
    say("work " + dec(memory->account(Purpose::work).peak) + " frames at most; leaving");
    handover.jump(guest_.shared, {});
  }

private:
  Result<Handover> attempt(AddressSpace& memory, const Window& whole, const Lengths& lengths, const Words& words,
                           bool own_p2m_forgotten) {
    memory_ = &memory;
    kernel_ = TRY_AT(memory.map_new(pages_for(lengths.kernel), Purpose::target), "kernel");
    std::memcpy(kernel_.span().data(), whole.span().data() + page_size, lengths.kernel);
    const Bytes file = kernel_.span().first(lengths.kernel);
    const auto info = TRY_AT(image::read_kernel_info(file, true), "kernel");
    TRY_AT(image::bootable_pv(*info), "kernel");

    plan::Target target = plan::target_of(*info);
    if (own_p2m_forgotten)
      target.init_p2m.reset();
    if (words.mapped)
      target.mod_start_pfn = false;
    plan::GuestFacts facts;
    facts.nr_pages = guest_.start.nr_pages;
    facts.command_line = words.rest;
    if (lengths.initrd != 0)
      facts.initrd_bytes = lengths.initrd;
    if (guest_.start.p2m)
      facts.own_p2m = plan::OwnP2m{guest_.start.mfn_list.value, guest_.start.p2m->count};
    const plan::Layout layout = TRY_AT(plan::lay_out(target, facts), "layout");
    for (const LayoutElement& e : layout.elements)
      say(e.name + " " + (e.address ? hex(e.address->value) : "-") + " pfn " + hex(e.frames.first.value) + " + " +
          hex(e.frames.count));

    std::string symbols(layout.symbols_bytes, '\0');
    if (info->bsd_symbols)
      TRY(info->bsd_symbols->write(file, std::as_writable_bytes(std::span(symbols.data(), symbols.size()))));
    initrd_.reset();
    if (layout.initrd) {
      initrd_ = TRY_AT(memory.map_near(layout.initrd->frames, Purpose::target), "initrd");
      const std::uint64_t at = page_size + (pages_for(lengths.kernel) << page_shift);
      std::memcpy(initrd_->span().data(), whole.span().data() + at, lengths.initrd);
    }
    const Instant before = guest_.clock.now();
    auto handover = Handover::prepare(memory, {layout, kernel_, as_bytes(symbols), initrd_, guest_.raw_start});
    say("prepared in " + dec((guest_.clock.now() - before).nanoseconds / 1000) + " us");
    return handover;
  }
  Result<void> release() {
    TRY(memory_->release(kernel_, AddressSpace::Leave::wiped));
    if (initrd_)
      TRY(memory_->release(*initrd_));
    return {};
  }

  Guest& guest_;
  AddressSpace* memory_ = nullptr;
  Window kernel_;
  std::optional<Window> initrd_;
};

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  Guest& guest = start_pv_guest(*start);
  const auto outcome = Shower(guest).run();
  guest.console.write("handover: FAILED: " + outcome.error().text() + "\n");
  crash();
}
