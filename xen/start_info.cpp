#include "xen/start_info.hpp"

#include "base/checked.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {

// The P2M takes 8 bytes a page and must not wrap anything computed from it.
constexpr std::uint64_t most_pages = std::uint64_t{1} << 40;

Result<std::optional<StartInfo::Module>> module_of(const start_info_t& raw) {
  if (raw.mod_len == 0)
    return std::nullopt;
  StartInfo::Module module{.size = raw.mod_len};
  if ((raw.flags & SIF_MOD_START_PFN) != 0) {
    module.by_pfn = true;
    module.first = {raw.mod_start};
    const auto end = checked_add<std::uint64_t>(raw.mod_start, pages_for(raw.mod_len));
    if (!end || *end > raw.nr_pages)
      return fail(Code::corrupt, "start_info: the module reaches past the end of memory");
  } else {
    module.start = {raw.mod_start};
    if (raw.mod_start == 0 || !checked_add<std::uint64_t>(raw.mod_start, raw.mod_len))
      return fail(Code::corrupt, "start_info: the module's address makes no sense");
  }
  return module;
}

} // namespace

Result<StartInfo> parse_start_info(const start_info_t& raw) {
  constexpr std::string_view magic = "xen-3.";
  if (std::memcmp(raw.magic, magic.data(), magic.size()) != 0)
    return fail(Code::corrupt, "start_info: no xen-3 magic");
  if (raw.nr_pages == 0 || raw.nr_pages > most_pages)
    return fail(Code::corrupt, "start_info: a number of pages that cannot be");
  if (raw.shared_info == 0 || raw.shared_info % page_size != 0)
    return fail(Code::corrupt, "start_info: shared_info is not a page");
  if (raw.pt_base % page_size != 0 || raw.nr_pt_frames == 0 || raw.mfn_list % sizeof(std::uint64_t) != 0 ||
      raw.mfn_list == 0)
    return fail(Code::corrupt, "start_info: page tables or P2M list at an address that cannot be");

  StartInfo info{.nr_pages = raw.nr_pages,
                 .shared_info = {raw.shared_info},
                 .flags = raw.flags,
                 .pt_base = {raw.pt_base},
                 .nr_pt_frames = raw.nr_pt_frames,
                 .mfn_list = {raw.mfn_list}};
  if (!info.initial_domain()) {
    if (raw.store_mfn != 0)
      info.store = StartInfo::Ring{{raw.store_mfn}, {raw.store_evtchn}};
    if (raw.console.domU.mfn != 0)
      info.console = StartInfo::Ring{{raw.console.domU.mfn}, {raw.console.domU.evtchn}};
  }
  if (raw.nr_p2m_frames != 0) {
    const auto end = checked_add<std::uint64_t>(raw.first_p2m_pfn, raw.nr_p2m_frames);
    if (!end || *end > raw.nr_pages)
      return fail(Code::corrupt, "start_info: the P2M's frames reach past the end of memory");
    info.p2m = StartInfo::P2mFrames{{raw.first_p2m_pfn}, raw.nr_p2m_frames};
  }
  info.module = TRY(module_of(raw));
  const char* text = reinterpret_cast<const char*>(raw.cmd_line);
  info.command_line.assign(text, std::find(text, text + MAX_GUEST_CMDLINE, '\0'));
  return info;
}

} // namespace pvboot::xen
