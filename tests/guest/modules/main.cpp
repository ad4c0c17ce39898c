// A kernel that tells what it was given as its module: multiboot modules as a package, or anything else as it is.
//
// It is started by pvboot from a disk's entry. A package (SIF_MULTIBOOT_MOD) is read as xen/xen.h describes it, by its
// descriptors alone, and each module's place, length, command line and FNV-1a sum are printed; of another module
// its length and its sum. What lies past the end of the last page's bytes must be zeroes.
//
// "GUEST-MODULES: ok" or "GUEST-MODULES: failed" is its last line.
#include "base/bytes.hpp"
#include "base/text.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/memory/address_space.hpp"
#include "xen/shutdown.hpp"

#include <algorithm>

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;
using namespace pvboot::xen;

std::uint64_t sum(Bytes bytes) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const std::byte b : bytes)
    h = (h ^ static_cast<std::uint8_t>(b)) * 0x100000001b3;
  return h;
}

class Teller {
public:
  explicit Teller(Guest& guest) : guest_(guest) {}

  Result<void> tell() {
    const start_info_t& raw = guest_.raw_start;
    say("command line '" + guest_.start.command_line + "'");
    if (!guest_.start.module)
      return fail(Code::not_found, "no module");
    const bool package = (raw.flags & SIF_MULTIBOOT_MOD) != 0;
    const bool by_pfn = (raw.flags & SIF_MOD_START_PFN) != 0;
    say(std::string(package ? "a package" : "no package") + (by_pfn ? ", by its PFN, " : ", mapped, ") +
        dec(raw.mod_len) + " bytes");
    const Bytes pages = TRY(map());
    const Bytes module = pages.first(raw.mod_len);
    if (std::ranges::any_of(pages.subspan(module.size()), [](std::byte b) { return b != std::byte{0}; }))
      return fail(Code::corrupt, "the last page's end is not zero");
    if (package)
      return tell_package(module);
    say("sum " + hex(sum(module)));
    return {};
  }

private:
  void say(const std::string& text) { guest_.console.write("modules: " + text + "\n"); }

  /// The module's whole pages.
  Result<Bytes> map() {
    const StartInfo::Module& module = *guest_.start.module;
    const std::uint64_t pages = pages_for(module.size);
    if (!module.by_pfn)
      return Bytes(reinterpret_cast<const std::byte*>(module.start.value), pages << page_shift);
    memory_ = TRY(AddressSpace::adopt(guest_.start, GuestVirt{reinterpret_cast<std::uint64_t>(pvboot_virt_base)}));
    return Bytes(TRY(memory_->map_names({module.first, pages})).span());
  }

  Result<void> tell_package(Bytes package) {
    using Descriptor = struct xen_multiboot_mod_list;
    for (std::size_t number = 0;; ++number) {
      Descriptor d;
      const Bytes raw = TRY(cut(package, number * sizeof d, sizeof d));
      std::memcpy(&d, raw.data(), sizeof d);
      if (d.mod_start == 0)
        return {};
      const Bytes content = TRY(cut(package, d.mod_start, std::uint64_t{d.mod_end} + 1 - d.mod_start));
      const std::string_view words = as_text(TRY(cut(package, d.cmdline, package.size() - d.cmdline)));
      const std::size_t end = words.find('\0');
      if (d.pad != 0 || end == words.npos)
        return fail(Code::corrupt, "a descriptor's pad, or a command line without an end");
      say("module " + dec(number) + " " + dec(content.size()) + " bytes, sum " + hex(sum(content)) + ", words '" +
          std::string(words.substr(0, end)) + "'" + (d.mod_start % page_size == 0 ? "" : ", not on a page"));
    }
  }

  Guest& guest_;
  std::unique_ptr<AddressSpace> memory_;
};

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  Guest& guest = start_pv_guest(*start);
  const auto outcome = Teller(guest).tell();
  if (!outcome)
    guest.console.write("modules: " + outcome.error().text() + "\n");
  guest.console.write(outcome ? "GUEST-MODULES: ok\n" : "GUEST-MODULES: failed\n");
  guest.console.drain(seconds(2));
  shutdown(ShutdownReason::poweroff);
}
