#include "loader/program/session.hpp"

#include "loader/discover/find_configuration.hpp"
#include "loader/discover/find_item.hpp"
#include "loader/discover/stage2.hpp"
#include "loader/program/attempt.hpp"
#include "loader/program/build_id.hpp"
#include "loader/program/chooser.hpp"
#include "loader/program/end_domain.hpp"
#include "loader/program/sent_along.hpp"
#include "loader/program/status.hpp"

#include "base/text.hpp"
#include "xen/block/disks.hpp"
#include "xen/quarantine.hpp"

namespace pvboot::loader {

namespace {

constexpr unsigned max_chained_configurations = 16;
constexpr Duration retry_pause = seconds(5);

// Whether looking at the disks again can make a difference to an error of this kind.
bool may_change(Code code) {
  switch (code) {
  case Code::corrupt:
  case Code::io:
  case Code::timed_out:
  case Code::gone:
  case Code::not_found:
  case Code::denied: return true;
  case Code::unsupported:
  case Code::invalid:
  case Code::too_large:
  case Code::out_of_memory: return false;
  }
  return false;
}

class Session final : public Surroundings {
public:
  Session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program);

  [[noreturn]] void run();

  std::int64_t unix_time() override;
  void print(std::string_view text) override { log_.raw(text); }

private:
  void read_options();
  void gather_memory();
  void connect_disks();
  void find_menu();
  std::string memory_text() const;

  /// How an attempt ended that started no kernel; what went wrong has been said.
  enum class Ended : std::uint8_t {
    failed,
    failed_elsewhere, ///< and the configuration has given way to another one, which the entry names
    menu_wanted,
  };

  /// Looks at the disks, and boots what the administrator wants to come before any configuration.
  void begin();
  /// Returns when somebody wants the menu, or when all that pvboot.on_error= provides for has failed.
  void boot_unattended();
  bool count_down();
  bool another_try(unsigned tries);
  Ended boot_default();
  Ended boot_fallbacks();
  /// The guest's own loader, where the administrator wants it or where there is nothing else.
  void boot_stage2();
  Ended boot(config::ItemPath item);
  void boot_resolved(const config::Entry& entry, const std::vector<std::string>& kernel_words, Bytes refused_build_id);
  Result<void> boot_entry(const config::Entry& entry, const std::vector<std::string>& kernel_words,
                          Bytes refused_build_id);
  Result<void> follow(const config::FilePath& file, unsigned chained);
  void close_disks();
  [[noreturn]] void hand_over(xen::Handover& handover);
  /// True when the disks shall be looked at again.
  bool ask_at_menu();
  void after_failure();
  [[noreturn]] void end(xen::ShutdownReason reason);

  const config::Menu& menu() const { return found_.configuration->menu(); }
  void take(FoundConfiguration found);
  /// What boots when nobody chooses: the administrator's entry, else the menu's. Empty when there is none.
  config::ItemPath default_item() const;
  void report(std::string_view what, const Error& error);

  xen::Guest& guest_;
  xen::AddressSpace& memory_;
  const Program& program_;
  Log log_;
  Status status_;
  Attendant attendant_;
  Chooser chooser_;
  config::Options options_{};
  std::string sent_along_{}; ///< the text of the xl config's ramdisk=

  std::unique_ptr<xen::Disks> vbds_{};
  std::unique_ptr<DiskSet> disks_{};
  std::unique_ptr<DiskEnvironment> environment_{};
  FoundConfiguration found_{};
  Code last_failure_ = Code::not_found;
};

Session::Session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program)
    : guest_(guest), memory_(memory), program_(program), log_(guest.console, guest.clock), status_(guest.store, log_),
      attendant_(guest.store, guest.console, guest.clock, log_), chooser_(attendant_, guest.clock, log_) {
  status_.set("version", program.version);
  status_.set("state", "starting");
}

void Session::run() {
  read_options();
  attendant_.begin();
  if (auto text = read_sent_along(guest_.start, memory_))
    sent_along_ = *std::move(text);
  else
    log_.error("the xl config's ramdisk= is ignored", text.error());
  // A module that was mapped for us keeps its mapping, and so its frames.
  if (guest_.start.module && guest_.start.module->by_pfn)
    memory_.release_module();
  gather_memory();
  log_.timing("started");
  begin();
  if (count_down())
    boot_unattended();
  for (;;)
    if (ask_at_menu()) {
      connect_disks();
      find_menu();
      if (!found_.configuration && options_.stage2 != false)
        boot_stage2();
    }
}

void Session::begin() {
  connect_disks();
  // First, because a configuration that is read takes back a choice which was made for one boot.
  if (options_.stage2 == true)
    boot_stage2();
  find_menu();
}

std::int64_t Session::unix_time() {
  const auto& shared = guest_.shared;
  return static_cast<std::int64_t>(shared.wc_sec + guest_.clock.now().nanoseconds / 1'000'000'000);
}

void Session::read_options() {
  options_ = config::parse_options(guest_.start.command_line);
  log_.configure(options_.log, options_.timing);
  for (const std::string& warning : options_.warnings)
    log_.say("warning: extra=: " + printable(warning, 300));
}

void Session::gather_memory() {
  const auto holes = memory_.gather_holes();
  if (!holes)
    log_.error("memory that was given back before pvboot was started cannot be set aside", holes.error());
  else if (*holes != 0)
    log_.info("whoever started pvboot has given " + human_size(*holes << page_shift) +
              " of the guest's memory back to Xen; kernels get the other " +
              human_size(memory_.usable_pages() << page_shift));
}

std::string Session::memory_text() const {
  const std::uint64_t windows = memory_.account(xen::Purpose::work).peak << page_shift;
  const std::uint64_t dictionary = memory_.account(xen::Purpose::dictionary).peak << page_shift;
  return "at most " + human_size(program_.image_bytes + windows) + " beyond the target's memory (" +
         human_size(program_.image_bytes) + " of it the loader's image and heap), and " + human_size(dictionary) +
         " for the decompressor";
}

void Session::connect_disks() {
  found_ = {};
  environment_.reset();
  disks_ = std::make_unique<DiskSet>();
  environment_ = std::make_unique<DiskEnvironment>(*disks_, *this);

  if (guest_.store != nullptr) {
    // A disk that went away comes back only by a new connection.
    if (vbds_)
      close_disks();
    else
      vbds_ = std::make_unique<xen::Disks>(
          xen::DeviceServices{*guest_.store, guest_.events, guest_.grants, memory_, guest_.clock});
    if (const auto connected = vbds_->connect(); !connected)
      report("the guest's disks", connected.error());
    for (const xen::DiskFailure& failure : vbds_->failures())
      log_.error("disk", failure.why);
    for (const auto& disk : vbds_->connected()) {
      log_.debug(disk->node().name + ": " + human_size(disk->geometry().size));
      disks_->add(*disk, disk->node().name);
    }
  }
  log_.timing("disks connected");
}

void Session::find_menu() {
  std::vector<std::string> notes;
  auto found = find_configuration(*disks_, *environment_, options_, sent_along_, config::WritePolicy::on, notes);
  for (const std::string& note : notes)
    log_.say("note: " + printable(note, 1000));
  if (!found) {
    report("nothing to boot", found.error());
    return;
  }
  take(*std::move(found));
  log_.timing("configuration read");
}

void Session::take(FoundConfiguration found) {
  found_ = std::move(found);
  log_.info("configuration " + printable(found_.file.text()));
  for (const std::string& warning : menu().warnings)
    log_.debug("warning: " + printable(warning, 300));
  if (!menu().warnings.empty())
    log_.info("parts of it are not understood; pvboot.log=debug says which");
  if (!menu().superusers.empty())
    log_.say("warning: it wants passwords (superusers), which pvboot does not ask for: whoever is at this console may "
             "boot any entry");
  if (options_.entry && !find_item(menu(), *options_.entry))
    log_.say("warning: pvboot.entry=: no entry is called '" + printable(*options_.entry) + "'; taking the default");
}

config::ItemPath Session::default_item() const {
  if (options_.entry)
    if (auto named = find_item(menu(), *options_.entry))
      return *std::move(named);
  return menu().default_item;
}

bool Session::count_down() {
  const config::MenuItem* item = found_.configuration ? menu().at(default_item()) : nullptr;
  if (item == nullptr)
    return true;
  const auto timeout = options_.wait ? std::nullopt : options_.timeout ? options_.timeout : menu().timeout;
  return chooser_.count_down(*item, timeout, menu().timeout_style);
}

void Session::boot_unattended() {
  for (unsigned tries = 1;; ++tries) {
    if (boot_default() == Ended::menu_wanted)
      return;
    if (!another_try(tries))
      break;
    begin();
  }
  if (options_.on_error == config::OnError::fallback && boot_fallbacks() == Ended::menu_wanted)
    return;
  after_failure();
}

bool Session::another_try(unsigned tries) {
  if (options_.on_error == config::OnError::retry) {
    log_.say("trying again in 5 s, as pvboot.on_error=retry says; press a key for the menu");
    return !attendant_.wait_for_key(retry_pause);
  }
  if (options_.on_error != config::OnError::fallback || tries > 1 || !may_change(last_failure_))
    return false;
  log_.say("trying once more, with the disks looked at again");
  return true;
}

Session::Ended Session::boot_default() {
  if (found_.configuration)
    return boot(default_item());
  if (!options_.stage2)
    boot_stage2();
  // find_menu() has said why; what was tried instead of a configuration does not decide on another try.
  last_failure_ = Code::not_found;
  return Ended::failed;
}

Session::Ended Session::boot_fallbacks() {
  if (!found_.configuration)
    return Ended::failed;
  const auto fallbacks = menu().fallbacks;
  for (const config::ItemPath& fallback : fallbacks) {
    log_.say("trying the fallback entry");
    const Ended ended = boot(fallback);
    if (ended == Ended::menu_wanted)
      return ended;
    // In another configuration the other fallbacks mean nothing.
    if (ended == Ended::failed_elsewhere)
      break;
  }
  if (!options_.stage2)
    boot_stage2();
  return Ended::failed;
}

// A loop, not a recursion: configurations that name one another must not use up the stack.
Session::Ended Session::boot(config::ItemPath item) {
  for (unsigned chained = 0;; ++chained) {
    const Ended failed = chained == 0 ? Ended::failed : Ended::failed_elsewhere;
    const config::MenuItem* shown = menu().at(item);
    if (shown == nullptr) {
      report("nothing to boot", Error(Code::not_found, "the configuration has no entry").at(found_.file.text()));
      return failed;
    }
    const std::string what = "'" + printable(shown->title, 80) + "' cannot be booted";
    const auto entry = found_.configuration->resolve(item, config::WritePolicy::on);
    if (!entry) {
      report(what, entry.error());
      return failed;
    }
    for (const std::string& warning : entry->warnings)
      log_.say("warning: " + printable(warning, 300));
    if (entry->kind != config::EntryKind::configuration) {
      boot_resolved(*entry, options_.kernel_words, {});
      return failed;
    }
    if (const auto followed = follow(entry->kernel, chained); !followed) {
      report(what, followed.error());
      return failed;
    }
    if (!count_down())
      return Ended::menu_wanted;
    item = default_item();
  }
}

void Session::boot_stage2() {
  const std::vector<std::string> no_words; // they are part of the entry's command line already
  const auto entries = stage2_entries(*disks_, guest_.start.command_line);
  if (entries.empty() && options_.stage2 == true)
    log_.say("warning: pvboot.stage2=yes: no disk has " + stage2_places() + "; going on without it");
  else if (!entries.empty() && !sent_along_.empty())
    log_.say("warning: the guest's own loader is not given the configuration of the xl config's ramdisk=");
  for (const config::Entry& entry : entries)
    boot_resolved(entry, no_words, build_id());
}

void Session::boot_resolved(const config::Entry& entry, const std::vector<std::string>& kernel_words,
                            Bytes refused_build_id) {
  log_.info("booting '" + printable(entry.title) + "'");
  status_.set("state", "booting");
  status_.set("entry", entry.title);
  if (const auto result = boot_entry(entry, kernel_words, refused_build_id); !result)
    report("'" + printable(entry.title, 80) + "' cannot be booted", result.error());
}

Result<void> Session::boot_entry(const config::Entry& entry, const std::vector<std::string>& kernel_words,
                                 Bytes refused_build_id) {
  if (entry.kind == config::EntryKind::reboot)
    end(xen::ShutdownReason::reboot);
  if (entry.kind == config::EntryKind::poweroff)
    end(xen::ShutdownReason::poweroff);
  Workshop workshop{guest_, memory_, *disks_, log_, kernel_words, refused_build_id};
  auto handover = TRY(prepare(workshop, entry));
  hand_over(handover);
}

Result<void> Session::follow(const config::FilePath& file, unsigned chained) {
  if (chained == max_chained_configurations)
    return fail(Code::too_large, "configurations name one another without end", file.text());
  take(TRY(read_configuration(*environment_, file, options_, config::WritePolicy::on)));
  return {};
}

void Session::close_disks() {
  vbds_->close();
  for (const xen::DiskFailure& failure : vbds_->failures())
    log_.say("warning: disk " + printable(failure.why.text(), 300));
}

void Session::hand_over(xen::Handover& handover) {
  // The last moment at which the host's wishes are ours to carry out; what it asks later is the kernel's.
  attendant_.serve_host();
  attendant_.leave();
  log_.info("starting the kernel");
  log_.timing("ready to leave", memory_text());
  status_.set("state", "handed-over");
  found_ = {};
  environment_.reset();
  disks_.reset();
  log_.timing("let go of the files");
  const std::size_t disks = vbds_ ? vbds_->connected().size() : 0;
  if (vbds_) {
    close_disks();
    vbds_.reset();
  }
  log_.timing("disks closed", dec(disks) + (disks == 1 ? " disk" : " disks"));
  if (const std::size_t bytes = xen::quarantined_bytes(); bytes != 0)
    log_.say("warning: a disk's backend has not let go of " + human_size(bytes) +
             " of this guest's memory and may still write there");
  if (guest_.store != nullptr)
    (void)guest_.store->reset_watches();
  (void)guest_.grants.end_all();
  log_.timing("leaving", "Xen's clock says " + dec(guest_.clock.now().nanoseconds) + " ns");
  handover.jump(guest_.shared, program_.wipe);
}

bool Session::ask_at_menu() {
  status_.set("state", "menu");
  const bool any = found_.configuration != nullptr;
  const Decision decision = chooser_.ask(any ? &menu() : nullptr, any ? default_item() : config::ItemPath{},
                                         any ? found_.file.text() : std::string());
  switch (decision.kind) {
  case Decision::Kind::boot: (void)boot(decision.item); return false;
  case Decision::Kind::rescan: return true;
  case Decision::Kind::reboot: end(xen::ShutdownReason::reboot);
  case Decision::Kind::poweroff: end(xen::ShutdownReason::poweroff);
  }
  return false;
}

void Session::after_failure() {
  status_.set("state", "failed");
  switch (options_.on_error) {
  case config::OnError::reboot: log_.say("rebooting, as pvboot.on_error=reboot says"); end(xen::ShutdownReason::reboot);
  case config::OnError::poweroff:
    log_.say("powering off, as pvboot.on_error=poweroff says");
    end(xen::ShutdownReason::poweroff);
  case config::OnError::crash:
    log_.say("ending with a crash, as pvboot.on_error=crash says");
    end(xen::ShutdownReason::crash);
  case config::OnError::fallback:
  case config::OnError::retry:
  case config::OnError::menu: break;
  }
}

void Session::end(xen::ShutdownReason reason) { end_domain(guest_.console, reason); }

void Session::report(std::string_view what, const Error& error) {
  last_failure_ = error.code();
  log_.error(what, error);
  status_.set("error", std::string(what) + ": " + error.text());
}

} // namespace

void run_session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program) {
  auto session = std::make_unique<Session>(guest, memory, program);
  session->run();
}

} // namespace pvboot::loader
