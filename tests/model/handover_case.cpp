#include "tests/model/handover_case.hpp"

#include "base/text.hpp"
#include "tests/model/installed.hpp"
#include "tests/model/target_check.hpp"
#include "xen/hypercall/cpu.hpp"
#include "xen/memory/handover.hpp"
#include "xen/memory/pte.hpp"
#include "xen/memory/touch.hpp"

#include <algorithm>
#include <random>

namespace pvboot::model {

namespace {

using xen::AddressSpace;
using xen::Handover;
using xen::Purpose;
using xen::Window;

std::string content(std::uint64_t bytes, std::uint64_t seed) {
  std::string text(bytes + sizeof(std::uint64_t), '\0');
  std::uint64_t state = seed * 2 + 1;
  for (std::size_t i = 0; i < bytes; i += sizeof state) {
    state = state * 6364136223846793005 + 1442695040888963407;
    // Bytes from 1 to 0x40: never 0, the secret or what frames start with.
    const std::uint64_t word = ((state ^ state >> 29) & 0x3f3f3f3f3f3f3f3f) + 0x0101010101010101;
    std::memcpy(text.data() + i, &word, sizeof word);
  }
  text.resize(bytes);
  return text;
}

class Run {
public:
  explicit Run(const HandoverCase& test)
      : test_(test), domain_(test.domain), kernel_file_(content(test.kernel_file_bytes, 1)),
        initrd_(content(test.initrd_bytes, 2)), symbols_(content(test.target.symbols_bytes, 3)) {}

  Result<void> adopt() {
    memory_ = TRY(AddressSpace::adopt(domain_.start_info(), domain_.spec().base));
    if (test_.gather) {
      memory_->release_module();
      const std::uint64_t holes = TRY(memory_->gather_holes());
      if (holes != domain_.spec().holes.size() || memory_->usable_pages() != domain_.usable_pages())
        throw std::logic_error("not all holes were gathered");
    }
    TRY(install_gdt());
    if (test_.work_pages == 0)
      return {};
    const Window work = TRY(memory_->map_new(test_.work_pages));
    for (std::uint64_t i = 0; i < test_.stuck_pages; ++i) {
      const GuestVirt at = work.address + (i << page_shift);
      stuck_.insert(memory_->frame_at(at)->value);
      if (domain_.xen().grant_writable(*memory_->frame_at(at)) != 0)
        throw std::logic_error("a window's page cannot be granted");
      TRY(memory_->quarantine(reinterpret_cast<const void*>(at.value)));
    }
    return {};
  }

  Result<void> go(std::string& wrong) {
    if (test_.abandon_first || test_.refuse_first_pin) {
      plan::Target first = test_.target;
      if (test_.other_kernel_first)
        first.init_p2m.reset();
      TRY(first_attempt(first, wrong));
      if (!wrong.empty())
        return {};
    }
    return boot(test_.target, wrong);
  }

  /// After a refusal: names are sound, and a kernel that needs next to nothing still starts.
  Result<void> boot_another(std::string& wrong) {
    TRY(memory_->frames().flush());
    for (Pfn name{0}; name.value < domain_.spec().nr_pages; ++name)
      if (!memory_->frames().is_hole(name) && domain_.xen().name_of(memory_->frames().mfn_of(name)) != name.value)
        wrong = "after a refusal the M2P is wrong at " + hex(name.value);
    kernel_file_ = content(3 * page_size, 4);
    initrd_.clear();
    symbols_.clear();
    plan::Target target;
    target.virt_base = 0xffffffff80000000;
    target.entry = 0xffffffff80001000;
    target.segments = {{0x1000, 0x1000, 0x1800, 0x2000}};
    return wrong.empty() ? boot(target, wrong) : Result<void>{};
  }

private:
  /// In a page that nobody is given, as it is of no use as anything else for now.
  Result<void> install_gdt() {
    const Window page = TRY(memory_->map_new(1));
    const Mfn frame = *memory_->frame_at(page.address);
    xen::zero(page.address, page_size);
    TRY(xen::issue(xen::UpdateVaMapping{page.address, xen::page_entry(frame, xen::Access::read_only)}));
    TRY(xen::issue(xen::SetGdt{&frame.value, 512}));
    return memory_->quarantine(reinterpret_cast<const void*>(page.address.value));
  }

  Result<void> boot(const plan::Target& target, std::string& wrong) {
    const plan::Layout layout = TRY(lay_out(target));
    const auto loaded = load(layout);
    const Xen::Effort before = domain_.xen().effort();
    auto handover = loaded ? prepare(layout) : Result<Handover>(std::unexpected(loaded.error()));
    if (!handover) {
      TRY(release());
      return std::unexpected(std::move(handover).error());
    }
    if (test_.refuse_switch)
      domain_.xen().refuse_to_switch();
    TrampolineRun trampoline(domain_.xen());
    xen::Leave::install(&trampoline);
    try {
      handover->jump(domain_.shared(), wipes());
    } catch (const Entered& entered) {
      const Xen::Effort after = domain_.xen().effort();
      effort_ = {after.names - before.names, after.table_entries - before.table_entries, after.calls - before.calls};
      wrong = check_target(domain_, entered, {layout, kernel_file_, initrd_, symbols_, stuck_, test_.gather});
      if (wrong.empty() && domain_.xen().refused() != 0)
        wrong = "Xen has refused " + dec(domain_.xen().refused()) + " calls that nobody was told of";
    } catch (const Shutdown& end) {
      wrong = std::string(trampoline.left() ? "the trampoline" : "the loader") + " ended the domain with reason " +
              dec(end.reason);
    }
    return {};
  }

  Result<void> release() {
    if (kernel_)
      TRY(memory_->release(*kernel_, xen::AddressSpace::Leave::wiped));
    if (initrd_window_)
      TRY(memory_->release(*initrd_window_));
    kernel_.reset();
    initrd_window_.reset();
    return {};
  }

  Result<void> first_attempt(const plan::Target& target, std::string& wrong) {
    const plan::Layout layout = TRY(lay_out(target));
    if (test_.refuse_first_pin)
      domain_.xen().refuse_next_pin();
    const auto loaded = load(layout);
    auto handover = loaded ? prepare(layout) : Result<Handover>(std::unexpected(loaded.error()));
    if (handover && test_.refuse_first_pin)
      wrong = "a refused pin went unnoticed";
    if (handover)
      TRY(handover->abandon());
    TRY(release());
    if (!handover && !test_.refuse_first_pin)
      return std::unexpected(std::move(handover).error());
    domain_.xen().refuse_next_pin(false);
    return {};
  }

  Result<plan::Layout> lay_out(const plan::Target& target) {
    plan::GuestFacts facts;
    facts.nr_pages = memory_->usable_pages();
    facts.command_line = test_.command_line;
    if (!initrd_.empty())
      facts.initrd_bytes = initrd_.size();
    if (const auto p2m = domain_.start_info().p2m)
      facts.own_p2m = plan::OwnP2m{domain_.start_info().mfn_list.value, p2m->count};
    return plan::lay_out(target, facts);
  }

  Result<void> load(const plan::Layout& layout) {
    kernel_ = TRY(memory_->map_new(pages_for(kernel_file_.size()), Purpose::target));
    xen::copy_in(kernel_->address, kernel_file_.data(), kernel_file_.size());
    if (layout.initrd) {
      initrd_window_ = TRY(memory_->map_near(layout.initrd->frames, Purpose::target));
      xen::copy_in(initrd_window_->address, initrd_.data(), initrd_.size());
    }
    return {};
  }

  Result<Handover> prepare(const plan::Layout& layout) {
    return Handover::prepare(*memory_, {layout, *kernel_, as_bytes(symbols_), initrd_window_, domain_.raw()});
  }

  /// All of our image but the pages with other mappings.
  std::vector<xen::WipeRange> wipes() const {
    const auto range = [&](Pfn first, Pfn end) {
      return xen::WipeRange{domain_.address(first), (end - first) << page_shift};
    };
    std::vector<xen::WipeRange> ranges(test_.empty_wipes, range(Pfn{0}, Pfn{0}));
    ranges.push_back(range(Pfn{0}, domain_.shared_page()));
    ranges.push_back(range(domain_.guard_page() + 1, Pfn{domain_.spec().image_pages}));
    return ranges;
  }

  const HandoverCase& test_;
  Domain domain_;
  std::string kernel_file_, initrd_, symbols_;
  std::unique_ptr<AddressSpace> memory_;
  std::optional<Window> kernel_;
  std::optional<Window> initrd_window_;
  std::set<std::uint64_t> stuck_;
  Xen::Effort effort_;

public:
  Domain& domain() { return domain_; }
  const Xen::Effort& effort() const { return effort_; }
};

} // namespace

Outcome run_case(const HandoverCase& test) {
  Outcome outcome;
  Run run(test);
  const Installed installed(run.domain().xen());
  try {
    if (auto adopted = run.adopt(); !adopted) {
      outcome.wrong = adopted.error().text();
      return outcome;
    }
    if (auto result = run.go(outcome.wrong); !result) {
      outcome.said = result.error().text();
      outcome.refused = true;
      // Only for a reason that a person can do something about; everything else is a bug of ours.
      const Code code = result.error().code();
      if (code != Code::out_of_memory && code != Code::unsupported && code != Code::too_large)
        outcome.wrong = outcome.said;
      else if (auto another = run.boot_another(outcome.wrong); !another)
        outcome.wrong = "refused (" + outcome.said + "), and then nothing starts: " + another.error().text();
    }
  } catch (const Fault& fault) {
    outcome.wrong = fault.what();
  }
  outcome.effort = run.effort();
  return outcome;
}

plan::Target linux_like(std::uint64_t megabytes) {
  plan::Target target;
  const std::uint64_t text = megabytes << 19, data = megabytes << 18;
  target.virt_base = 0xffffffff80000000;
  target.entry = 0xffffffff81000000;
  target.init_p2m = 0x8000000000;
  target.mod_start_pfn = true;
  target.segments = {
      {0x1000000, 0x1000, text + 0x9f0, text + 0x9f0},
      {0x1000000 + text + 0x200000, 0x1000 + text + 0x1000, data, data},
      {0x1000000 + text + 0x200000 + data, 0x1000 + text + 0x1000 + data, 0x35000, 0x35000},
      {0x1000000 + text + 0x200000 + data + 0x35000, 0x1000 + text + 0x1000 + data + 0x35000, 0x79000, 0x100000},
  };
  return target;
}

namespace {

/// Single ones and long rows, high ones and ones where targets go.
void add_holes(DomainSpec& domain, std::mt19937_64& random) {
  const std::uint64_t most = domain.nr_pages / 6;
  for (std::uint64_t rows = 1 + random() % 40; rows-- > 0;) {
    const std::uint64_t first = random() % 2 == 0 ? domain.nr_pages - 1 - random() % most : random() % domain.nr_pages;
    const std::uint64_t length = random() % 2 == 0 ? 1 : random() % 60;
    for (std::uint64_t i = 0; i < length && first + i < domain.nr_pages && domain.holes.size() < most; ++i)
      domain.holes.insert(first + i);
  }
}

/// One seed in so many is a guest with far more memory; shares no factor with the parts of a test.
constexpr std::uint64_t large_each = 49;

} // namespace

HandoverCase random_case(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return n == 0 ? 0 : random() % n; };
  const auto one_in = [&](std::uint64_t n) { return below(n) == 0; };

  HandoverCase test;
  test.domain.nr_pages = 3000 + below(one_in(8) ? 60000 : 9000);
  // By the seed, so that all others stay what they are: up to 7 GiB.
  if (seed % large_each == 0)
    test.domain.nr_pages += std::uint64_t{1} << (16 + below(5)) | below(3 << 18);
  test.domain.image_pages = 64 + below(700);
  test.domain.own_p2m = !one_in(4);
  test.domain.order = random();
  test.domain.machine_base = Mfn{1 + below(std::uint64_t{1} << 30)};
  if (one_in(3))
    test.domain.module_bytes = 1 + below(300000);
  if (one_in(3))
    test.domain.p2m_gap = below(600);
  // Anywhere but in our own L4 slot, windows' slots included.
  if (one_in(3))
    test.domain.p2m_address =
        GuestVirt{(one_in(2) ? 1 + below(0xf00) : 0x1100 + below(0x3000)) << 32 | below(1 << 20) << page_shift};
  if (one_in(3))
    add_holes(test.domain, random);
  test.gather = one_in(2);

  plan::Target& target = test.target;
  constexpr std::uint64_t bases[] = {
      0xffffffff80000000, 0, 0x100000000000, 0xffff900000000000, 0x100000400000, 0x8040000000, 0x7f7ffffff000};
  const std::uint64_t base = bases[below(std::size(bases))];
  if (base != 0 || one_in(2))
    target.virt_base = base;
  const std::uint64_t paddr_offset = target.virt_base && one_in(3) ? below(1 << 20) << page_shift : 0;
  if (paddr_offset != 0)
    target.paddr_offset = paddr_offset;

  std::uint64_t address = below(1200) << page_shift;
  const std::uint64_t start = address;
  std::uint64_t offset = 0;
  for (std::uint64_t i = 1 + below(5); i-- > 0;) {
    offset += below(9000);
    if (one_in(2))
      offset = (offset & ~std::uint64_t{4095}) + address % page_size + page_size;
    const std::uint64_t file = one_in(6) ? 0 : below(one_in(3) ? 900000 : 20000);
    const std::uint64_t memory = file + (one_in(2) ? below(200000) : 0) + 1;
    target.segments.push_back({address + paddr_offset, offset, std::min(file, memory), memory});
    offset += file;
    address += memory + (one_in(2) ? below(40000) : 0);
    if (one_in(2))
      address = (address + 4095) & ~std::uint64_t{4095};
  }
  test.kernel_file_bytes = offset + below(5000) + 1;
  target.entry = base + start;
  switch (below(6)) {
  case 0: break;
  case 1: target.init_p2m = base - (std::uint64_t{1} << 26); break;
  case 2: target.init_p2m = 0x7f0000000000 + (below(100000) << page_shift); break;
  case 3: target.init_p2m = 0x12345; break;
  case 4: target.init_p2m = test.domain.p2m_address.value; break;
  default: target.init_p2m = 0x8000000000;
  }
  target.mod_start_pfn = one_in(2);
  if (one_in(3))
    target.hypercall_page = base + (below(1500) << page_shift);
  if (one_in(4))
    target.symbols_bytes = 1 + below(30000);
  if (!one_in(4))
    test.initrd_bytes = below(one_in(4) ? 8000000 : 300000);
  test.work_pages = below(300);
  test.stuck_pages = one_in(5) ? below(std::min<std::uint64_t>(test.work_pages, 5)) : 0;
  test.abandon_first = one_in(3);
  test.other_kernel_first = one_in(2);
  test.refuse_first_pin = one_in(6);
  return test;
}

std::string HandoverCase::text() const {
  std::string out = dec(domain.nr_pages) + " pages, image " + dec(domain.image_pages) + ", base " +
                    (target.virt_base ? hex(*target.virt_base) : "-") + ", p2m " +
                    (target.init_p2m ? hex(*target.init_p2m) : "-") + (domain.own_p2m ? "" : ", ours in the region") +
                    ", initrd " + dec(initrd_bytes) + ", work " + dec(work_pages) + ", stuck " + dec(stuck_pages);
  for (const auto& s : target.segments)
    out += "\n  " + hex(s.physical) + " from " + hex(s.file_offset) + " + " + hex(s.file_size) + " / " +
           hex(s.memory_size);
  return out;
}

} // namespace pvboot::model
