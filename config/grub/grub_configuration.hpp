// A grub.cfg as a Configuration.
//
// Reading runs the program once, with `menuentry` collecting items, then runs the block of each submenu in a context
// of its own, as choosing it would, to list what is in it. resolve() goes the same way again to the one item and runs
// its block, on copies of the variables and functions.
//
// Without running anything twice in earnest: what the program would write to disk is decided by WritePolicy.
#pragma once

#include "config/configuration.hpp"
#include "config/grub/interpreter.hpp"

namespace pvboot::config::grub {

class GrubConfiguration final : public Configuration {
public:
  static Result<std::unique_ptr<Configuration>> read(Environment& environment, const FilePath& file, std::string text,
                                                     const ReadOptions& options);

  GrubConfiguration(Environment& environment, std::uint64_t max_steps) : interpreter_(environment, max_steps) {}

  const Menu& menu() const override { return menu_; }
  Result<Entry> resolve(const ItemPath& item, WritePolicy writes) override;

private:
  Result<void> run(const FilePath& file, std::string text, const ReadOptions& options);
  Result<void> set_initial_variables(const FilePath& file, const ReadOptions& options);
  void list_submenus(std::vector<MenuItem>& items, const std::vector<ItemBody>& bodies);
  Result<void> enter_submenu(const MenuItem& item, const ItemBody& body);
  Result<void> choose(const MenuItem& item);
  void add_immediate_entry();
  void read_menu_variables();
  void read_fallbacks();
  Result<Entry> finish(const MenuItem& item);

  Interpreter interpreter_;
  Menu menu_;
  std::vector<ItemBody> bodies_;    ///< of the menu's own items
  Interpreter::Snapshot base_;      ///< as the menu was when it was complete
  std::optional<Loaded> immediate_; ///< what the program started by itself; its item is the last one
};

} // namespace pvboot::config::grub
