#include "loader/discover/module_package.hpp"

#include "base/bytes.hpp"
#include "base/checked.hpp"
#include "base/units.hpp"
#include "xen/abi/xen.hpp"

namespace pvboot::loader {

namespace {

using Descriptor = struct xen_multiboot_mod_list;
static_assert(sizeof(Descriptor) == 16 && offsetof(Descriptor, mod_end) == 4 && offsetof(Descriptor, cmdline) == 8);

constexpr std::uint64_t longest_package = 0xffff'ffff;

} // namespace

Result<FileBundle> package(std::vector<ModuleFile> files) {
  std::uint64_t words_at = (files.size() + 1) * sizeof(Descriptor);
  std::uint64_t end = words_at;
  for (const ModuleFile& file : files)
    end += file.command_line.size() + 1;

  std::string descriptors, words;
  for (const ModuleFile& file : files) {
    const auto start = checked_align_up<std::uint64_t>(end, page_size);
    const auto behind = start ? checked_add<std::uint64_t>(*start, file.file.file->size()) : std::nullopt;
    if (!behind || *behind > longest_package)
      return fail(Code::too_large, "multiboot modules of 4 GiB or more together", file.name);
    end = *behind;
    const Descriptor descriptor{.mod_start = static_cast<std::uint32_t>(*start),
                                .mod_end = static_cast<std::uint32_t>(end - 1),
                                .cmdline = static_cast<std::uint32_t>(words_at + words.size()),
                                .pad = 0};
    descriptors += as_text(std::as_bytes(std::span(&descriptor, 1)));
    words += file.command_line;
    words += '\0';
  }
  descriptors.append(sizeof(Descriptor), '\0');

  FileBundle bundle;
  TRY(bundle.add(std::move(descriptors)));
  TRY(bundle.add(std::move(words)));
  for (ModuleFile& file : files) {
    TRY(bundle.pad(page_size));
    TRY(bundle.add(std::move(file.file), std::move(file.name)));
  }
  return bundle;
}

} // namespace pvboot::loader
