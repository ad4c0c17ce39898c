// What the host command prints, formatted as fmt does it.
//
// fmt::print throws when a stream cannot be written; nothing here does. Of standard output main() asks at the end
// whether all of it was written. When standard error cannot be written, nobody is left to tell.
#pragma once

#include <cstdio>
#include <fmt/core.h>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <utility>

namespace pvboot::tools {

inline void write_text(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

template <typename... Values> void print_out(fmt::format_string<Values...> format, Values&&... values) {
  write_text(stdout, fmt::format(format, std::forward<Values>(values)...));
}

template <typename... Values> void print_err(fmt::format_string<Values...> format, Values&&... values) {
  write_text(stderr, fmt::format(format, std::forward<Values>(values)...));
}

/// With what is no UTF-8 replaced: names on a guest's disk are any bytes.
void write_json(const nlohmann::json& report);

/// Whether standard output took everything; to be asked when all is printed.
inline bool flush_out() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

} // namespace pvboot::tools
