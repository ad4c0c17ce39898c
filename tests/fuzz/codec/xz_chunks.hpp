// What lies in an XZ block: a chain of filters, and the chunks of LZMA2 that its last one reads.
//
// [xz: The .xz File Format 1.1.0, section 5] [lzma2: liblzma's lzma2_decoder.c]
#pragma once

#include "frame.hpp"

namespace pvboot {

struct Filter {
  std::uint64_t id;
  Octets properties;
};

/// As in a block's header: first what a decoder does last.
using Chain = std::vector<Filter>;

/// Mostly LZMA2, alone or behind x86's branches and differences; else anything.
Chain make_chain(Script& script);

/// Those that are sure to be read: of the legal ones not other machines' branches, and not what takes too much memory.
bool is_readable(const Chain& chain);

/// What the filters before LZMA2 make of its output; anything if the chain is not readable.
Octets undo(const Chain& chain, Octets data);

struct Packed {
  Octets bytes;
  Octets content;
};

/// A list of chunks: stored, packed by liblzma, or neither.
Packed pack(Script& script, Frame& frame);

} // namespace pvboot
