#include "loader/program/sent_along.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

namespace {
constexpr std::uint64_t max_size = 256_KiB;
} // namespace

Result<std::string> read_sent_along(const xen::StartInfo& start, xen::AddressSpace& memory) {
  const auto& module = start.module;
  if (!module || module->size == 0)
    return std::string();
  if (module->size > max_size)
    return fail(Code::too_large, "larger than the 256 KiB that a configuration may have", human_size(module->size));
  std::string text(static_cast<std::size_t>(module->size), '\0');
  if (!module->by_pfn) {
    auto* const mapped = reinterpret_cast<char*>(module->start.value);
    std::memcpy(text.data(), mapped, text.size());
    std::memset(mapped, 0, text.size());
    return text;
  }
  const xen::Window window = TRY(memory.map_names({module->first, pages_for(module->size)}));
  std::memcpy(text.data(), window.span().data(), text.size());
  (void)memory.release(window, xen::AddressSpace::Leave::wiped);
  return text;
}

} // namespace pvboot::loader
