// What elfutils' libelf says about an ELF file, to hold ours against.
//
// The two are compared in four steps: the header, the program headers, the section headers, the notes. Where both read
// a step, they have to read the same. Where only one does, a table says why that is right; what it does not explain
// fails the test.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <set>
#include <string>

namespace pvboot::test {

enum class Step : std::uint8_t { header, segments, sections, notes };
constexpr std::size_t steps = 4;

struct Comparison {
  std::array<bool, steps> both{};  ///< by Step: both read it, and it is the same
  std::set<std::string> explained; ///< names of the differences that the table explains
};

/// Checks (Catch2) that all differences are explained. The file is not changed.
Comparison compare_with_libelf(Bytes file);

/// The names of the whole table of explanations.
std::set<std::string> explanations();

} // namespace pvboot::test
