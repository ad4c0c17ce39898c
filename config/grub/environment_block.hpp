// grubenv: the block in which variables outlive a boot.
//
// A file of a fixed size, by convention 1,024 bytes: a first line "# GRUB Environment Block", then NAME=VALUE lines,
// then "#" up to the end. In a value, a backslash stands before a backslash and before a newline. Other lines that
// begin with "#" are comments and are kept. The block keeps its size, so it can be written where it lies.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pvboot::config::grub {

class EnvironmentBlock {
public:
  static constexpr std::size_t max_bytes = 65536;

  /// Code::corrupt when `text` is no environment block.
  static Result<EnvironmentBlock> parse(std::string_view text);

  /// In the block's order.
  std::vector<std::pair<std::string, std::string>> variables() const;

  /// Code::too_large when the block has no room for it, Code::invalid for a name that can't stand in a block; nothing
  /// has changed then.
  Result<void> set(std::string_view name, std::string_view value);
  void remove(std::string_view name);

  /// The block, as long as it was.
  std::string text() const;

private:
  std::size_t used() const;
  std::size_t index_of(std::string_view name) const;

  std::size_t size_ = 0;
  std::vector<std::string> lines_; ///< without their newlines, values as they are written
};

} // namespace pvboot::config::grub
