#include "fs/filesystem.hpp"

#include "fs/ext/ext_filesystem.hpp"

namespace pvboot::fs {

Result<std::unique_ptr<Filesystem>> probe(BlockSource& source) {
  using Probe = Result<std::unique_ptr<Filesystem>> (*)(BlockSource&);
  constexpr Probe probes[] = {ext::probe};
  for (const Probe try_one : probes) {
    auto found = try_one(source);
    if (found || found.error().code() != Code::not_found)
      return found;
  }
  return fail(Code::not_found, "no filesystem that is known here", source.name());
}

Result<std::string> read_text(File& file, std::size_t limit) {
  if (file.size() > limit)
    return fail(Code::too_large, "the file is too large to be a text");
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  TRY(file.read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

} // namespace pvboot::fs
