// Numbers as text, for places, messages and tables; and numbers out of text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pvboot {

std::string dec(std::uint64_t value);
std::string hex(std::uint64_t value); ///< "0x1f"

/// "4096" or "0x1000", the whole of it; nothing for anything else or past 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// "1.5 MiB": at most one decimal, binary units.
std::string human_size(std::uint64_t bytes);

/// Text from outside as it may be shown on a console: every control byte becomes \xNN, the length is bounded.
std::string printable(std::string_view text, std::size_t max_length = 160);

} // namespace pvboot
