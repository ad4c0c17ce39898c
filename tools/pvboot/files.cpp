// pvboot ls, cat and stat: the guest's files, read by the loader's own filesystem code.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/guest_disks.hpp"
#include "tools/pvboot/output.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

namespace pvboot::tools {

namespace {

constexpr std::size_t chunk_size = 1 << 20;

struct ChunkDelete {
  void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t{4096}); }
};

const char* type_name(fs::FileType type) {
  switch (type) {
  case fs::FileType::regular: return "file";
  case fs::FileType::directory: return "directory";
  case fs::FileType::symlink: return "symlink";
  case fs::FileType::other: return "other";
  }
  return "other";
}

std::string iso_time(std::int64_t seconds_since_1970) {
  const std::time_t when = seconds_since_1970;
  std::tm fields{};
  gmtime_r(&when, &fields);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields)};
}

std::string join(const std::string& directory, const std::string& name) {
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

struct Listed {
  std::string name;
  fs::FileStat stat;
  std::string target; // of a symbolic link
};

Result<std::vector<Listed>> look_at(fs::Filesystem& filesystem, const std::string& path) {
  std::vector<Listed> out;
  auto describe = [&](const std::string& name, const std::string& full) -> Result<void> {
    Listed item{name, TRY(filesystem.stat(full, false)), {}};
    if (item.stat.type == fs::FileType::symlink)
      item.target = TRY(filesystem.read_link(full));
    out.push_back(std::move(item));
    return {};
  };
  const fs::FileStat stat = TRY(filesystem.stat(path));
  if (stat.type != fs::FileType::directory) {
    TRY(describe(path, path));
    return out;
  }
  for (const fs::DirEntry& entry : TRY(filesystem.list(path)))
    TRY(describe(entry.name, join(path, entry.name)));
  std::ranges::sort(out, {}, &Listed::name);
  return out;
}

} // namespace

Result<void> list_directory(const Arguments& arguments) {
  GuestDisks disks = TRY(GuestDisks::open(arguments.images));
  const GuestDisks::Place place = TRY(disks.find(arguments.path));
  const auto items = TRY_AT(look_at(place.mount.filesystem(), place.path), place.text());
  if (arguments.json) {
    auto out = nlohmann::json::array();
    for (const Listed& item : items)
      out.push_back({{"name", item.name},
                     {"type", type_name(item.stat.type)},
                     {"size", item.stat.size},
                     {"mtime", item.stat.mtime},
                     {"target", item.target}});
    print_out("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return {};
  }
  for (const Listed& item : items)
    print_out("{:<9} {:>12} {} {}{}{}\n", type_name(item.stat.type), item.stat.size, iso_time(item.stat.mtime),
              printable(item.name), item.target.empty() ? "" : " -> ", printable(item.target));
  return {};
}

Result<void> print_file(const Arguments& arguments) {
  GuestDisks disks = TRY(GuestDisks::open(arguments.images));
  const GuestDisks::Place place = TRY(disks.find(arguments.path));
  const auto file = TRY_AT(place.mount.filesystem().open(place.path), place.text());
  const std::unique_ptr<std::byte[], ChunkDelete> chunk(new (std::align_val_t{4096}) std::byte[chunk_size]);
  for (std::uint64_t offset = 0; offset < file->size();) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, file->size() - offset));
    TRY_AT(file->read(offset, MutBytes(chunk.get(), count)), place.text());
    // main() says so.
    if (std::fwrite(chunk.get(), 1, count, stdout) != count)
      break;
    offset += count;
  }
  return {};
}

Result<void> print_stat(const Arguments& arguments) {
  GuestDisks disks = TRY(GuestDisks::open(arguments.images));
  const GuestDisks::Place place = TRY(disks.find(arguments.path));
  fs::Filesystem& filesystem = place.mount.filesystem();
  const std::string device = place.mount.device().name();
  const fs::FileStat stat = TRY_AT(filesystem.stat(place.path, false), place.text());
  std::uint64_t runs = 0;
  if (stat.type == fs::FileType::regular) {
    const auto file = TRY_AT(filesystem.open(place.path), place.text());
    for (std::uint64_t offset = 0; offset < file->size(); ++runs)
      offset += TRY_AT(file->run_at(offset), place.text()).length;
  }
  if (arguments.json) {
    const nlohmann::json out = {{"device", device},
                                {"path", place.path},
                                {"filesystem", filesystem.type()},
                                {"type", type_name(stat.type)},
                                {"size", stat.size},
                                {"mtime", stat.mtime},
                                {"inode", stat.inode},
                                {"runs", runs}};
    print_out("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return {};
  }
  print_out("({}){}\n  filesystem  {} {}\n  type        {}\n  size        {} ({})\n  modified    {}\n"
            "  inode       {}\n  runs        {}\n",
            device, printable(place.path), filesystem.type(), filesystem.uuid(), type_name(stat.type), stat.size,
            human_size(stat.size), iso_time(stat.mtime), stat.inode, runs);
  return {};
}

} // namespace pvboot::tools
