// The notes of one table, a PT_NOTE segment or an SHT_NOTE section, one after the other [gABI, "Note Section"].
//
// A note is three words (sizes of name and descriptor, type), the name of its owner, and the descriptor; name and
// descriptor are each padded to 4 bytes. Bytes behind the last note that are too few for another one are padding.
//
// Fails with Code::corrupt when a note reaches past the end of the table.
#pragma once

#include "base/bytes.hpp"

#include <optional>

namespace pvboot::image {

/// A note where it lies; the views point into the table.
struct NoteView {
  std::string_view owner; ///< without its NUL: "Xen", "GNU"
  std::uint32_t type = 0;
  Bytes desc;
};

class NoteTable {
public:
  explicit NoteTable(Bytes table) : rest_(table) {}

  /// Nothing at the end.
  Result<std::optional<NoteView>> next();

private:
  Bytes rest_;
};

/// More bytes of notes than any kernel has reason for. Whoever walks tables of a file from outside stops here.
constexpr std::uint64_t max_note_bytes = std::uint64_t{1} << 20;

} // namespace pvboot::image
