#include "loader/discover/loadable.hpp"

namespace pvboot::loader {

Result<void> check_loadable(const config::Entry& entry) {
  switch (entry.kind) {
  case config::EntryKind::configuration:
    return fail(Code::unsupported, "the entry reads another configuration; pvboot.config= can name that one",
                entry.kernel.text());
  case config::EntryKind::reboot:
    return fail(Code::unsupported, "the entry restarts the guest and loads nothing", entry.origin.text());
  case config::EntryKind::poweroff:
    return fail(Code::unsupported, "the entry stops the guest and loads nothing", entry.origin.text());
  case config::EntryKind::multiboot:
  case config::EntryKind::linux:
  case config::EntryKind::kernel:
  case config::EntryKind::chainloader: break;
  }
  if (!entry.kernel.path.starts_with('/'))
    return fail(Code::unsupported, "a boot sector is for a PC's firmware; a PV guest needs the name of a kernel's file",
                entry.kernel.text());
  if (!entry.initrds.empty() && !entry.modules.empty())
    return fail(Code::unsupported, "the entry has both initrds and multiboot modules; a PV kernel takes one of the two",
                entry.origin.text());
  return {};
}

} // namespace pvboot::loader
