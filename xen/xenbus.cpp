#include "xen/xenbus.hpp"

namespace pvboot::xen {

Result<BusState> read_state(XenStore& store, const std::string& directory) {
  auto number = store.read_number(directory + "/state");
  if (!number) {
    const Code code = number.error().code();
    if (code == Code::not_found || code == Code::corrupt || code == Code::denied)
      return BusState::unknown;
    return std::unexpected(std::move(number).error());
  }
  return *number <= XenbusStateReconfigured ? static_cast<BusState>(*number) : BusState::unknown;
}

Result<void> write_state(XenStore& store, const std::string& directory, BusState state, Transaction in) {
  return store.write_number(directory + "/state", static_cast<std::uint64_t>(state), in);
}

} // namespace pvboot::xen
