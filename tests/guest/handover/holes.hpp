// Gives memory back to Xen as a loader or a balloon might: the names stay, with nothing behind them.
#pragma once

#include "xen/memory/address_space.hpp"

#include <string_view>

namespace pvboot::xen {

/// `places` are "FIRST+COUNT" with commas between them. Names that are in use keep their frames. How many were given
/// back; Code::invalid for a text that is none.
Result<std::uint64_t> give_back(AddressSpace& memory, std::string_view places);

} // namespace pvboot::xen
