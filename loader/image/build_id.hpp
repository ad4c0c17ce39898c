// The build-id that a linker put into an ELF file: which build this is, whatever its name [elf(5): NT_GNU_BUILD_ID].
#pragma once

#include "base/bytes.hpp"

namespace pvboot::image {

/// The descriptor of the first GNU build-id note in a PT_NOTE segment; empty where there is none or where the headers
/// make no sense. It points into `file`, which may be a prefix of the ELF file.
Bytes build_id(Bytes file);

/// The same in one table of notes.
Bytes build_id_in(Bytes note_table);

} // namespace pvboot::image
