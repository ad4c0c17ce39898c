// A guest's disks with their boot configuration, as the loader would find them.
#pragma once

#include "loader/discover/find_configuration.hpp"
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/guest_disks.hpp"

#include <memory>

namespace pvboot::tools {

class GuestBoot final : public loader::Surroundings {
public:
  /// Fails with what the loader would say when it finds nothing to boot. What the search noted, and what is wrong with
  /// `--extra`, has been printed on standard error.
  static Result<std::unique_ptr<GuestBoot>> open(const Arguments& arguments);

  const config::FilePath& file() const { return found_.file; }
  const config::Menu& menu() const { return found_.configuration->menu(); }
  const config::Options& options() const { return options_; }
  loader::DiskSet& disks() { return disks_.set(); }

  /// The item that `words` names (number, id or title), Code::not_found when there is none; without words what the
  /// loader takes: the administrator's entry if it is there, else the menu's default.
  Result<config::ItemPath> choose(std::string_view words);
  Result<config::Entry> resolve(const config::ItemPath& item) { return found_.configuration->resolve(item); }

  std::int64_t unix_time() override;
  void print(std::string_view text) override;

private:
  GuestBoot(GuestDisks disks, config::Options options);

  GuestDisks disks_;
  config::Options options_;
  loader::DiskEnvironment environment_;
  loader::FoundConfiguration found_{};
};

} // namespace pvboot::tools
