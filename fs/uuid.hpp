// A 16-byte identifier in the order in which it is written: filesystems' UUIDs as they lie on disk, GPT's GUIDs
// with their first three fields turned from little endian [UEFI: EFI_GUID; RFC 4122].
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <string>

namespace pvboot::fs {

struct Uuid {
  std::array<std::byte, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
  bool is_nil() const { return *this == Uuid{}; }

  /// From a GUID as GPT stores it.
  static Uuid from_guid(const std::array<std::byte, 16>& stored);

  /// "0fc63daf-8483-4772-8e79-3d69d8477de4"
  std::string text() const;
};

} // namespace pvboot::fs
