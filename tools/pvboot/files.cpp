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

struct Details {
  fs::FileStat stat;
  std::string target; // of a symbolic link
};

struct Listed {
  std::string name;
  Result<Details> details;
};

Result<Details> describe(fs::Filesystem& filesystem, const std::string& path) {
  Details details{TRY(filesystem.stat(path, false)), {}};
  if (details.stat.type == fs::FileType::symlink)
    details.target = TRY(filesystem.read_link(path));
  return details;
}

/// Fails when `path` itself cannot be read; a directory's entry that cannot be read does not hide the others.
Result<std::vector<Listed>> look_at(fs::Filesystem& filesystem, const std::string& path) {
  std::vector<Listed> out;
  const fs::FileStat stat = TRY(filesystem.stat(path));
  if (stat.type != fs::FileType::directory) {
    out.push_back({path, TRY(describe(filesystem, path))});
    return out;
  }
  for (const fs::DirEntry& entry : TRY(filesystem.list(path)))
    out.push_back({entry.name, describe(filesystem, join(path, entry.name))});
  std::ranges::sort(out, {}, &Listed::name);
  return out;
}

nlohmann::json as_json(const Listed& item) {
  if (!item.details)
    return {{"name", item.name}, {"error", item.details.error().text()}};
  const auto& [stat, target] = *item.details;
  return {{"name", item.name},
          {"type", type_name(stat.type)},
          {"size", stat.size},
          {"mtime", stat.mtime},
          {"target", target}};
}

void print_one(const Listed& item) {
  if (!item.details) {
    print_out("{:<9} {:>12} {:>20} {}: {}\n", '?', '?', '?', printable(item.name),
              printable(item.details.error().text(), 1000));
    return;
  }
  const auto& [stat, target] = *item.details;
  print_out("{:<9} {:>12} {} {}{}{}\n", type_name(stat.type), stat.size, iso_time(stat.mtime), printable(item.name),
            target.empty() ? "" : " -> ", printable(target));
}

} // namespace

Result<void> list_directory(const Arguments& arguments) {
  GuestDisks disks = TRY(GuestDisks::open(arguments.images));
  const GuestDisks::Place place = TRY(disks.find(arguments.path));
  const auto items = TRY_AT(look_at(place.mount.filesystem(), place.path), place.text());
  if (arguments.json) {
    auto out = nlohmann::json::array();
    for (const Listed& item : items)
      out.push_back(as_json(item));
    write_json(out);
  } else {
    for (const Listed& item : items)
      print_one(item);
  }
  for (const Listed& item : items)
    TRY_AT(item.details, place.text());
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
    write_json(out);
    return {};
  }
  print_out("({}){}\n  filesystem  {} {}\n  type        {}\n  size        {} ({})\n  modified    {}\n"
            "  inode       {}\n  runs        {}\n",
            device, printable(place.path), filesystem.type(), filesystem.uuid(), type_name(stat.type), stat.size,
            human_size(stat.size), iso_time(stat.mtime), stat.inode, runs);
  return {};
}

} // namespace pvboot::tools
