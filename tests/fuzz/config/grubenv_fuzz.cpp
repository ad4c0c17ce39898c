// Any text as an environment block: what is set is read back, and the block keeps its size.
#include "config/grub/environment_block.hpp"

#include <cstdlib>

using pvboot::config::grub::EnvironmentBlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto block = EnvironmentBlock::parse(text);
  if (!block)
    return 0;
  const auto before = block->variables();
  if (block->text().size() != text.size())
    std::abort();
  if (block->set("name", text.substr(size / 2, 20))) {
    const auto again = EnvironmentBlock::parse(block->text());
    bool found = false;
    for (const auto& [name, value] : again->variables())
      found = found || (name == "name" && value == text.substr(size / 2, 20));
    if (!found)
      std::abort();
  }
  for (const auto& [name, value] : before)
    block->remove(name);
  if (block->text().size() != text.size())
    std::abort();
  return 0;
}
