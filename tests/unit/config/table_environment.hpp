// An Environment out of tables: devices with what is on them, files with their text.
#pragma once

#include "config/environment.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace pvboot::config {

class TableEnvironment final : public Environment {
public:
  struct Device {
    std::vector<std::string> aliases; ///< other spellings: "hd0,gpt1"
    DeviceInfo info;
    std::map<std::string, std::string> files; ///< absolute paths; a directory is there when something is in it
    std::map<std::string, std::int64_t> times;
  };

  std::vector<std::pair<std::string, Device>> table;
  std::string printed;
  std::int64_t now = 0;
  bool writable = false;
  unsigned reads = 0;
  std::vector<std::string> writes; ///< "(dev)/path"

  Device& add(const std::string& name, std::vector<std::string> aliases = {}, DeviceInfo info = {}) {
    return table.emplace_back(name, Device{std::move(aliases), std::move(info), {}, {}}).second;
  }

  Result<DeviceName> resolve(const DeviceName& name) override {
    for (const auto& [canonical, device] : table)
      if (canonical == name.text || std::count(device.aliases.begin(), device.aliases.end(), name.text))
        return DeviceName{canonical};
    return fail(Code::not_found, "no such device");
  }

  std::vector<DeviceName> devices() override {
    std::vector<DeviceName> names;
    for (const auto& entry : table)
      names.push_back({entry.first});
    return names;
  }

  Result<std::vector<DeviceName>> devices_on(const DeviceName& disk) override {
    const auto name = TRY(resolve(disk));
    std::vector<DeviceName> names;
    for (const auto& entry : table)
      if (entry.first.starts_with(name.text))
        names.push_back({entry.first});
    return names;
  }

  Result<DeviceInfo> probe(const DeviceName& name) override { return TRY(find(name))->info; }

  Result<FileInfo> stat(const FilePath& file) override {
    const Device* device = TRY(find(file.device));
    const std::string path = tidy(file.path);
    if (const auto at = device->files.find(path); at != device->files.end()) {
      const auto time = device->times.find(path);
      return FileInfo{FileKind::regular, at->second.size(), time == device->times.end() ? 0 : time->second};
    }
    for (const auto& entry : device->files)
      if (path == "/" || entry.first.starts_with(path + "/"))
        return FileInfo{FileKind::directory, 0, 0};
    return fail(Code::not_found, "no such file");
  }

  Result<std::string> read(const FilePath& file, std::size_t limit) override {
    ++reads;
    const Device* device = TRY(find(file.device));
    const auto at = device->files.find(tidy(file.path));
    if (at == device->files.end())
      return fail(Code::not_found, "no such file");
    if (at->second.size() > limit)
      return fail(Code::too_large, "the file is too large");
    return at->second;
  }

  Result<std::vector<Name>> list(const FilePath& directory) override {
    const Device* device = TRY(find(directory.device));
    const std::string prefix = tidy(directory.path) == "/" ? "/" : tidy(directory.path) + "/";
    std::vector<Name> names;
    for (const auto& entry : device->files) {
      if (!entry.first.starts_with(prefix))
        continue;
      const std::string rest = entry.first.substr(prefix.size());
      const std::string name = rest.substr(0, rest.find('/'));
      if (names.empty() || names.back().name != name)
        names.push_back({name, name == rest ? FileKind::regular : FileKind::directory});
    }
    if (names.empty())
      return fail(Code::not_found, "no such directory");
    return names;
  }

  Result<void> write_in_place(const FilePath& file, std::uint64_t offset, Bytes bytes) override {
    if (!writable)
      return fail(Code::denied, "writes are off");
    writes.push_back(file.text());
    std::string& text = TRY(find(file.device))->files[tidy(file.path)];
    if (offset + bytes.size() > text.size())
      return fail(Code::invalid, "past the end of the file");
    text.replace(offset, bytes.size(), as_text(bytes));
    return {};
  }

  std::int64_t unix_time() override { return now; }
  void print(std::string_view text) override { printed += text; }

private:
  Result<Device*> find(const DeviceName& name) {
    const auto canonical = TRY(resolve(name));
    for (auto& [known, device] : table)
      if (known == canonical.text)
        return &device;
    return fail(Code::not_found, "no such device");
  }

  static std::string tidy(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
      path.pop_back();
    return path.empty() ? "/" : path;
  }
};

} // namespace pvboot::config
