#include "config/environment.hpp"

namespace pvboot::config {

std::string FilePath::text() const {
  if (device.empty())
    return path;
  return "(" + device.text + ")" + path;
}

std::string FilePath::directory() const {
  const std::string all = text();
  const std::size_t slash = all.rfind('/');
  return slash == std::string::npos ? std::string() : all.substr(0, slash);
}

Result<FilePath> parse_path(std::string_view text, const DeviceName& home) {
  if (!text.starts_with('('))
    return FilePath{home, std::string(text)};
  const std::size_t end = text.find(')');
  if (end == std::string_view::npos)
    return fail(Code::invalid, "a device name's parenthesis is never closed");
  return FilePath{DeviceName{std::string(text.substr(1, end - 1))}, std::string(text.substr(end + 1))};
}

} // namespace pvboot::config
