#include "xen/memory/target_content.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

start_info_t compose_start_info(const StartOfDay& layout, const start_info_t& incoming) {
  start_info_t info{};
  std::memcpy(info.magic, "xen-3.0-x86_64", sizeof "xen-3.0-x86_64");
  info.nr_pages = layout.nr_pages;
  info.shared_info = incoming.shared_info;
  info.flags = incoming.flags & ~(SIF_MULTIBOOT_MOD | SIF_MOD_START_PFN);
  info.store_mfn = incoming.store_mfn;
  info.store_evtchn = incoming.store_evtchn;
  info.console = incoming.console;
  info.pt_base = layout.address_of(layout.page_tables.first).value;
  info.nr_pt_frames = layout.page_tables.count;
  info.mfn_list = layout.p2m.address.value;
  if (layout.initrd) {
    info.mod_start = layout.initrd->address ? layout.initrd->address->value : layout.initrd->frames.first.value;
    info.mod_len = layout.initrd->bytes;
    if (!layout.initrd->address)
      info.flags |= SIF_MOD_START_PFN;
    if (layout.multiboot_module)
      info.flags |= SIF_MULTIBOOT_MOD;
  }
  std::memcpy(info.cmd_line, layout.command_line.data(),
              std::min(layout.command_line.size(), sizeof info.cmd_line - 1));
  if (layout.p2m.way != P2mPlace::Way::in_region) {
    info.first_p2m_pfn = layout.p2m.frames.first.value;
    info.nr_p2m_frames = layout.p2m.frames.count;
  }
  return info;
}

std::array<std::byte, page_size> compose_hypercall_page() {
  constexpr std::size_t stub_size = 32;
  constexpr std::size_t number_at = 4; // of the stubs below, where `mov eax` has its operand
  constexpr unsigned char call[] = {0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, // push rcx; push r11; mov eax, number
                                    0x0f, 0x05,                         // syscall
                                    0x41, 0x5b, 0x59, 0xc3};            // pop r11; pop rcx; ret
  // iret does not come back; Xen takes rax from the stack too.
  constexpr unsigned char iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05};

  std::array<std::byte, page_size> page;
  page.fill(std::byte{0xcc});
  for (std::size_t number = 0; number < page_size / stub_size; ++number) {
    std::byte* stub = page.data() + number * stub_size;
    if (number == __HYPERVISOR_iret) {
      std::memcpy(stub, iret, sizeof iret);
      continue;
    }
    std::memcpy(stub, call, sizeof call);
    stub[number_at] = static_cast<std::byte>(number);
  }
  return page;
}

} // namespace pvboot::xen
