// Decodes its module as pvboot decodes a kernel, over and over, and says how long each time took.
//
// The module is a page that is left out, because xl decompresses what begins as a gzip file, and what a kernel file
// holds compressed. That is fed to the loader's own decoder in pieces of a chunk, from memory to new frames: what
// decoding costs where no disk works beside it. bench-decode says the same of the libraries in a Linux guest
// (tests/bench/), in the same words: "decode: NAME CODEC BYTES bytes SECONDS s SECONDS s ...".
//
// "GUEST-DECODE: ok" or "GUEST-DECODE: failed" is its last line.
#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "fs/bulk/file_stream.hpp"
#include "fs/codec/decoder.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/memory/address_space.hpp"
#include "xen/shutdown.hpp"

#include <algorithm>

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;
using namespace pvboot::xen;

constexpr unsigned least_times = 2;
constexpr Duration least_time = seconds(1);
constexpr std::size_t piece = fs::FileStream::default_chunk;
// No Debian kernel decodes to more.
constexpr std::uint64_t most_growth = 12;

Result<std::size_t> decode(codec::Codec codec, Bytes in, MutBytes out, MutBytes memory) {
  codec::Arena arena(memory);
  const auto decoder = TRY(codec::open_decoder(codec, arena, out));
  for (std::size_t at = 0; at < in.size() && !decoder->ended(); at += piece)
    TRY(decoder->feed(in.subspan(at, std::min(piece, in.size() - at))));
  TRY(decoder->finish());
  return decoder->produced();
}

Result<void> measure(Guest& guest) {
  if (!guest.start.module || !guest.start.module->by_pfn)
    return fail(Code::not_found, "no module by its PFN, as its notes ask for");
  const StartInfo::Module& module = *guest.start.module;
  const auto memory =
      TRY(AddressSpace::adopt(guest.start, GuestVirt{reinterpret_cast<std::uint64_t>(pvboot_virt_base)}));
  const Bytes pages = TRY(memory->map_names({module.first, pages_for(module.size)})).span();
  const Bytes in = TRY(cut(pages, page_size, module.size - std::min<std::uint64_t>(module.size, page_size)));
  const Bytes head = in.first(std::min(in.size(), codec::head_size));
  const auto codec = codec::detect(head);
  if (!codec)
    return fail(Code::unsupported, "no compression that is known");
  const std::uint64_t needed = TRY(codec::memory_needed(*codec, head));
  const Window dictionary = TRY(memory->map_new(pages_for(std::max<std::uint64_t>(needed, 1)), Purpose::dictionary));
  const Window window = TRY(memory->map_new(pages_for(in.size() * most_growth), Purpose::target));

  std::string line;
  Duration spent{};
  for (unsigned times = 0; times < least_times || spent.nanoseconds < least_time.nanoseconds; ++times) {
    const Instant begin = guest.clock.now();
    const std::size_t size = TRY_AT(decode(*codec, in, window.span(), dictionary.span()), codec::name(*codec));
    const Duration took = guest.clock.now() - begin;
    spent.nanoseconds += took.nanoseconds;
    if (line.empty())
      line = "decode: module " + std::string(codec::name(*codec)) + " " + dec(size) + " bytes";
    line += " " + seconds_text(took);
  }
  guest.console.write(line + "\n");
  return {};
}

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  Guest& guest = start_pv_guest(*start);
  const auto outcome = measure(guest);
  if (!outcome)
    guest.console.write("decode: " + outcome.error().text() + "\n");
  guest.console.write(outcome ? "GUEST-DECODE: ok\n" : "GUEST-DECODE: failed\n");
  guest.console.drain(seconds(2));
  shutdown(ShutdownReason::poweroff);
}
