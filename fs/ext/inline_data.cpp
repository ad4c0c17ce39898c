#include "fs/ext/inline_data.hpp"

#include "base/checked.hpp"

#include <algorithm>

namespace pvboot::fs::ext {

namespace {

constexpr const char* no_data = "no attribute system.data";

/// The value of system.data.
Result<Bytes> system_data(Bytes attributes) {
  const auto magic = read_as<le32>(attributes);
  if (!magic || magic->get() != attribute_magic)
    return fail(Code::corrupt, no_data);
  const Bytes entries = attributes.subspan(sizeof(le32));
  std::size_t at = 0;
  for (;;) {
    // Four zero bytes end the list; an entry cannot look like them, for its name has a length.
    const auto end = read_as<le32>(entries, at);
    if (!end || end->get() == 0)
      return fail(Code::corrupt, no_data);
    const auto entry = TRY(read_as<AttributeEntry>(entries, at));
    const Bytes name = TRY(cut(entries, at + sizeof entry, entry.name_length));
    if (entry.name_index == attribute_index_system && as_text(name) == "data") {
      if (entry.value_inode.get() != 0)
        return fail(Code::corrupt, "system.data lies outside its inode");
      return cut(entries, entry.value_offset.get(), entry.value_size.get());
    }
    at += align_up<std::size_t>(sizeof entry + entry.name_length, 4);
  }
}

} // namespace

Result<std::vector<std::byte>> read_inline_data(const Inode& inode) {
  std::vector<std::byte> out(inode.block.begin(), inode.block.end());
  if (inode.size > out.size()) {
    const Bytes rest = TRY_AT(system_data(inode.attributes), "inline data");
    out.insert(out.end(), rest.begin(), rest.end());
  }
  out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(inode.size, out.size())));
  return out;
}

} // namespace pvboot::fs::ext
