// Any text as a grub.cfg, over a small disk: it is read, and its first entries are resolved, without a crash and in
// bounded time; the default is always an entry of the menu.
#include "config/configuration.hpp"

#include <cstdlib>

using namespace pvboot;
using namespace pvboot::config;

namespace {

/// One device with a few files; the input itself is one of them, so that it can read itself.
class SmallDisk final : public Environment {
public:
  explicit SmallDisk(std::string_view text) : text_(text) {}

  Result<DeviceName> resolve(const DeviceName& device) override {
    if (device.text != "xvda1" && device.text != "hd0,1")
      return fail(Code::not_found, "no such device");
    return DeviceName{"xvda1"};
  }
  std::vector<DeviceName> devices() override { return {{"xvda1"}}; }
  Result<std::vector<DeviceName>> devices_on(const DeviceName& disk) override {
    return std::vector{TRY(resolve(disk))};
  }
  Result<DeviceInfo> probe(const DeviceName& device) override {
    TRY(resolve(device));
    return DeviceInfo{"ext2", "1234-abcd", "root", "p", "gpt"};
  }
  Result<FileInfo> stat(const FilePath& file) override {
    TRY(resolve(file.device));
    if (file.path == "/" || file.path == "/boot")
      return FileInfo{FileKind::directory, 0, 0};
    if (file.path == "/boot/k" || file.path == "/boot/i" || file.path == "/boot/grub.cfg" ||
        file.path == "/boot/grubenv")
      return FileInfo{FileKind::regular, 10, 10};
    return fail(Code::not_found, "no such file");
  }
  Result<std::string> read(const FilePath& file, std::size_t limit) override {
    TRY(stat(file));
    if (file.path == "/boot/grubenv") {
      std::string block = "# GRUB Environment Block\nsaved_entry=1\n";
      block.resize(1024, '#');
      return block;
    }
    if (text_.size() > limit)
      return fail(Code::too_large, "the file is too large");
    return std::string(text_);
  }
  Result<std::vector<Name>> list(const FilePath& directory) override {
    if (TRY(stat(directory)).kind != FileKind::directory)
      return fail(Code::not_found, "not a directory");
    if (directory.path == "/")
      return std::vector<Name>{{"boot", FileKind::directory}};
    return std::vector<Name>{{"k", FileKind::regular}, {"i", FileKind::regular}, {"grub.cfg", FileKind::regular}};
  }
  Result<void> write_in_place(const FilePath&, std::uint64_t, Bytes) override { return {}; }
  std::int64_t unix_time() override { return 1795360025; }
  void print(std::string_view text) override {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
        std::abort(); // a control byte would reach a terminal
  }

private:
  std::string_view text_;
};

void resolve_some(Configuration& configuration, const std::vector<MenuItem>& items, ItemPath& path, int& left) {
  path.push_back(0);
  for (const MenuItem& item : items) {
    if (left-- <= 0)
      break;
    const auto entry = configuration.resolve(path, left % 2 ? WritePolicy::on : WritePolicy::off);
    if (item.submenu == entry.has_value() && item.submenu)
      std::abort();
    if (item.submenu)
      resolve_some(configuration, item.items, path, left);
    ++path.back();
  }
  path.pop_back();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SmallDisk disk(text);
  ReadOptions options;
  options.variables = {{"xen_grub_env_a", "b"}};
  options.max_steps = 5000;
  const auto read = read_config_text(disk, {{"xvda1"}, "/boot/grub.cfg"}, std::string(text), options);
  if (!read)
    return 0;
  const Menu& menu = (*read)->menu();
  if (!menu.default_item.empty() && (!menu.at(menu.default_item) || menu.at(menu.default_item)->submenu))
    std::abort();
  for (const ItemPath& fallback : menu.fallbacks)
    if (!menu.at(fallback) || menu.at(fallback)->submenu)
      std::abort();
  int left = 6;
  ItemPath path;
  resolve_some(**read, menu.items, path, left);
  return 0;
}
