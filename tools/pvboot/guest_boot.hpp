// A guest's disks with their boot configuration, as the loader would find them.
#pragma once

#include "loader/discover/find_configuration.hpp"
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/guest_disks.hpp"

#include <memory>
#include <optional>

namespace pvboot::tools {

class GuestBoot final : public loader::Surroundings {
public:
  /// Fails with what the loader would say when it finds no configuration. What the search noted, what is wrong with
  /// `--extra`, and that the loader would try another loader first, has been printed on standard error.
  static Result<std::unique_ptr<GuestBoot>> open(const Arguments& arguments);

  const config::FilePath& file() const { return found_.file; }
  const config::Menu& menu() const { return found_.configuration->menu(); }
  const config::Options& options() const { return options_; }
  loader::DiskSet& disks() { return disks_.set(); }

  /// The guest's own loader, if the loader would try it before the entries.
  const std::optional<config::FilePath>& stage2() const { return stage2_; }

  /// The item that `words` names (number, id or title), Code::not_found when there is none; without words what the
  /// loader takes: the administrator's entry if it is there, else the menu's default.
  Result<config::ItemPath> choose(std::string_view words);
  Result<config::Entry> resolve(const config::ItemPath& item) { return found_.configuration->resolve(item); }

  std::int64_t unix_time() override;
  void print(std::string_view text) override;

private:
  GuestBoot(GuestDisks disks, config::Options options);
  void look_for_stage2(bool has_configuration);

  GuestDisks disks_;
  config::Options options_;
  loader::DiskEnvironment environment_;
  loader::FoundConfiguration found_{};
  std::optional<config::FilePath> stage2_{};
};

} // namespace pvboot::tools
