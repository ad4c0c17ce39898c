// Any text as extra=, and any as the entry's command line: nothing longer than the bound comes out.
#include "config/options.hpp"

#include <cstdlib>

using namespace pvboot::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = text.find('\n') == std::string_view::npos ? size : text.find('\n');
  const Options options = parse_options(text.substr(0, half));
  const auto line = append_to_command_line(text.substr(half), options.kernel_words);
  if (line && line->size() > max_command_line)
    std::abort();
  if (options.config && !options.config->path.starts_with('/'))
    std::abort();
  return 0;
}
