#include "tools/pvboot/guest_boot.hpp"

#include "base/text.hpp"
#include "loader/discover/find_item.hpp"
#include "loader/discover/stage2.hpp"
#include "tools/pvboot/output.hpp"

#include <ctime>

namespace pvboot::tools {

GuestBoot::GuestBoot(GuestDisks disks, config::Options options)
    : disks_(std::move(disks)), options_(std::move(options)), environment_(disks_.set(), *this) {}

Result<std::unique_ptr<GuestBoot>> GuestBoot::open(const Arguments& arguments) {
  std::unique_ptr<GuestBoot> boot(
      new GuestBoot(TRY(GuestDisks::open(arguments.images)), config::parse_options(arguments.extra)));
  for (const std::string& warning : boot->options_.warnings)
    print_err("pvboot: warning: --extra: {}\n", printable(warning, 300));
  std::vector<std::string> notes;
  auto found = loader::find_configuration(boot->disks_.set(), boot->environment_, boot->options_, {},
                                          config::WritePolicy::off, notes);
  for (const std::string& note : notes)
    print_err("pvboot: note: {}\n", printable(note, 1000));
  boot->look_for_stage2(found.has_value());
  boot->found_ = TRY(std::move(found));
  return boot;
}

// The loader tries it when it is told to, and when there is nothing else, unless it is told not to.
void GuestBoot::look_for_stage2(bool has_configuration) {
  if (!options_.stage2.value_or(!has_configuration))
    return;
  const auto entries = loader::stage2_entries(disks(), {});
  if (!entries.empty()) {
    stage2_ = entries.front().kernel;
    print_err("pvboot: note: the loader tries the guest's own loader {} first\n", stage2_->text());
  } else if (options_.stage2) {
    print_err("pvboot: warning: pvboot.stage2=yes: no disk has {}; the loader goes on without it\n",
              loader::stage2_places());
  }
}

Result<config::ItemPath> GuestBoot::choose(std::string_view words) {
  if (!words.empty()) {
    if (auto item = loader::find_item(menu(), words))
      return *std::move(item);
    return fail(Code::not_found, "the configuration has no such entry; pvboot entries lists them", printable(words));
  }
  if (options_.entry) {
    if (auto item = loader::find_item(menu(), *options_.entry))
      return *std::move(item);
    print_err("pvboot: warning: pvboot.entry=: no entry is called '{}'; taking the default\n",
              printable(*options_.entry));
  }
  return menu().default_item;
}

std::int64_t GuestBoot::unix_time() { return std::time(nullptr); }

void GuestBoot::print(std::string_view text) { write_text(stderr, text); }

} // namespace pvboot::tools
