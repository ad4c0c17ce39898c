#include "xen/start_info.hpp"

#include <catch2/catch.hpp>

#include <cstring>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

start_info_t good() {
  start_info_t raw{};
  std::strcpy(raw.magic, "xen-3.0-x86_64");
  raw.nr_pages = 65536;
  raw.shared_info = 0x7f000;
  raw.store_mfn = 100;
  raw.store_evtchn = 1;
  raw.console.domU.mfn = 101;
  raw.console.domU.evtchn = 2;
  raw.pt_base = 0x100000930000;
  raw.nr_pt_frames = 5;
  raw.mfn_list = 0x8000000000;
  raw.first_p2m_pfn = 0xc00;
  raw.nr_p2m_frames = 131;
  std::strcpy(reinterpret_cast<char*>(raw.cmd_line), "pvboot.entry=1 quiet");
  return raw;
}

} // namespace

TEST_CASE("a builder's start_info as a value") {
  const StartInfo info = *parse_start_info(good());
  CHECK(info.nr_pages == 65536);
  CHECK(info.shared_info == MachineAddr{0x7f000});
  CHECK(info.store->frame == Mfn{100});
  CHECK(info.store->port == EventPort{1});
  CHECK(info.console->frame == Mfn{101});
  CHECK(info.p2m->first == Pfn{0xc00});
  CHECK(info.p2m->count == 131);
  CHECK(info.mfn_list == GuestVirt{0x8000000000});
  CHECK(!info.module);
  CHECK(info.command_line == "pvboot.entry=1 quiet");
}

TEST_CASE("a module by its address or by its frames") {
  start_info_t raw = good();
  raw.mod_start = 0x100000a00000;
  raw.mod_len = 5000;
  CHECK(parse_start_info(raw)->module->start == GuestVirt{0x100000a00000});
  raw.flags = SIF_MOD_START_PFN;
  raw.mod_start = 0x1000;
  const auto info = *parse_start_info(raw);
  CHECK(info.module->by_pfn);
  CHECK(info.module->first == Pfn{0x1000});
  CHECK(info.module->size == 5000);
}

TEST_CASE("without INIT_P2M there are no frames of its own") {
  start_info_t raw = good();
  raw.first_p2m_pfn = raw.nr_p2m_frames = 0;
  CHECK(!parse_start_info(raw)->p2m);
}

TEST_CASE("the initial domain has no rings") {
  start_info_t raw = good();
  raw.flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
  const StartInfo info = *parse_start_info(raw);
  CHECK(info.initial_domain());
  CHECK(!info.console);
  CHECK(!info.store);
}

TEST_CASE("a command line without an end is cut at the field's") {
  start_info_t raw = good();
  std::memset(raw.cmd_line, 'x', sizeof raw.cmd_line);
  CHECK(parse_start_info(raw)->command_line.size() == 1024);
}

TEST_CASE("fields that contradict the contract are refused") {
  using Break = void (*)(start_info_t&);
  const Break breaks[] = {
      [](start_info_t& raw) { raw.magic[0] = 'y'; },
      [](start_info_t& raw) { raw.nr_pages = 0; },
      [](start_info_t& raw) { raw.nr_pages = ~0ul; },
      [](start_info_t& raw) { raw.shared_info = 0x7f008; },
      [](start_info_t& raw) { raw.shared_info = 0; },
      [](start_info_t& raw) { raw.pt_base |= 1; },
      [](start_info_t& raw) { raw.nr_pt_frames = 0; },
      [](start_info_t& raw) { raw.mfn_list = 0; },
      [](start_info_t& raw) { raw.nr_p2m_frames = ~0ul; },
      [](start_info_t& raw) { raw.first_p2m_pfn = 65500; },
      [](start_info_t& raw) { raw.mod_len = ~0ul, raw.mod_start = 4096; },
      [](start_info_t& raw) { raw.mod_len = 4096; },
      [](start_info_t& raw) { raw.mod_len = 8192, raw.mod_start = 65535, raw.flags = SIF_MOD_START_PFN; },
  };
  for (const Break damage : breaks) {
    start_info_t raw = good();
    damage(raw);
    const auto info = parse_start_info(raw);
    REQUIRE(!info);
    CHECK(info.error().code() == Code::corrupt);
  }
}
