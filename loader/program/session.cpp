#include "loader/program/session.hpp"

#include "loader/discover/find_configuration.hpp"
#include "loader/discover/find_item.hpp"
#include "loader/discover/stage2.hpp"
#include "loader/program/attempt.hpp"
#include "loader/program/build_id.hpp"
#include "loader/program/chooser.hpp"
#include "loader/program/status.hpp"

#include "base/text.hpp"
#include "xen/block/disks.hpp"
#include "xen/shutdown.hpp"

namespace pvboot::loader {

namespace {

constexpr std::size_t max_sent_along = 256_KiB;
constexpr unsigned max_chained_configurations = 16;
constexpr Duration drain_limit = seconds(2);
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
  void look_at_disks();
  std::string read_module();
  std::string memory_text() const;

  /// Returns when somebody wants the menu, or when all that pvboot.on_error= provides for has failed.
  void boot_unattended();
  bool count_down();
  bool another_try(unsigned tries);
  void boot_default();
  void boot_fallbacks();
  /// The guest's own loader, where the administrator wants it or where there is nothing else.
  void boot_stage2();
  /// Returns when it failed; what went wrong has been said.
  void boot(const config::ItemPath& item);
  void boot_resolved(const config::Entry& entry, const std::vector<std::string>& kernel_words, Bytes refused_build_id);
  Result<void> boot_entry(const config::Entry& entry, const std::vector<std::string>& kernel_words,
                          Bytes refused_build_id);
  Result<void> follow(const config::FilePath& file);
  [[noreturn]] void hand_over(xen::Handover& handover);
  /// True when the disks shall be looked at again.
  bool ask_at_menu();
  void after_failure();
  [[noreturn]] void end(xen::ShutdownReason reason);

  const config::Menu& menu() const { return found_.configuration->menu(); }
  const config::MenuItem* default_item(config::ItemPath& path);
  void report(std::string_view what, const Error& error);

  xen::Guest& guest_;
  xen::AddressSpace& memory_;
  const Program& program_;
  Log log_;
  Status status_;
  Chooser chooser_;
  config::Options options_{};
  std::string sent_along_{}; ///< the text of the xl config's ramdisk=

  std::unique_ptr<xen::Disks> vbds_{};
  std::unique_ptr<DiskSet> disks_{};
  std::unique_ptr<DiskEnvironment> environment_{};
  FoundConfiguration found_{};
  unsigned chained_ = 0;
  Code last_failure_ = Code::not_found;
};

Session::Session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program)
    : guest_(guest), memory_(memory), program_(program), log_(guest.console, guest.clock), status_(guest.store, log_),
      chooser_(guest.console, guest.clock, log_) {
  status_.set("version", program.version);
  status_.set("state", "starting");
}

void Session::run() {
  read_options();
  sent_along_ = read_module();
  // A module that was mapped for us keeps its mapping, and so its frames.
  if (guest_.start.module && guest_.start.module->by_pfn)
    memory_.release_module();
  log_.timing("started");
  for (;;) {
    look_at_disks();
    if (options_.stage2 == true || (!options_.stage2 && !found_.configuration))
      boot_stage2();
    if (count_down())
      boot_unattended();
    while (!ask_at_menu())
      ;
  }
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

std::string Session::read_module() {
  const auto& module = guest_.start.module;
  if (!module || module->size == 0)
    return {};
  if (module->size > max_sent_along) {
    log_.say("warning: the xl config's ramdisk= is larger than a configuration may be and is ignored");
    return {};
  }
  std::string text(static_cast<std::size_t>(module->size), '\0');
  if (!module->by_pfn) {
    std::memcpy(text.data(), reinterpret_cast<const char*>(module->start.value), text.size());
    return text;
  }
  const auto window = memory_.map_names({module->first, pages_for(module->size)});
  if (!window) {
    log_.error("the xl config's ramdisk=", window.error());
    return {};
  }
  std::memcpy(text.data(), window->span().data(), text.size());
  (void)memory_.release(*window, xen::AddressSpace::Leave::as_it_is);
  return text;
}

std::string Session::memory_text() const {
  const std::uint64_t windows = memory_.account(xen::Purpose::work).peak << page_shift;
  const std::uint64_t dictionary = memory_.account(xen::Purpose::dictionary).peak << page_shift;
  return "at most " + human_size(program_.image_bytes + windows) + " beyond the target's memory (" +
         human_size(program_.image_bytes) + " of it the loader's image and heap), and " + human_size(dictionary) +
         " for the decompressor";
}

void Session::look_at_disks() {
  found_ = {};
  environment_.reset();
  disks_ = std::make_unique<DiskSet>();
  environment_ = std::make_unique<DiskEnvironment>(*disks_, *this);

  if (guest_.store != nullptr) {
    // A disk that went away comes back only by a new connection.
    if (vbds_)
      vbds_->close();
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

  std::vector<std::string> notes;
  auto found = find_configuration(*disks_, *environment_, options_, sent_along_, config::WritePolicy::on, notes);
  for (const std::string& note : notes)
    log_.say("note: " + printable(note, 1000));
  if (!found) {
    report("nothing to boot", found.error());
    return;
  }
  found_ = std::move(*found);
  log_.info("configuration " + printable(found_.file.text()));
  for (const std::string& warning : menu().warnings)
    log_.debug("warning: " + printable(warning, 300));
  log_.timing("configuration read");
}

const config::MenuItem* Session::default_item(config::ItemPath& path) {
  path = menu().default_item;
  if (options_.entry) {
    if (auto named = find_item(menu(), *options_.entry))
      path = *std::move(named);
    else
      log_.say("warning: pvboot.entry=: no entry is called '" + printable(*options_.entry) + "'; taking the default");
  }
  return menu().at(path);
}

bool Session::count_down() {
  config::ItemPath path;
  const config::MenuItem* item = found_.configuration ? default_item(path) : nullptr;
  if (item == nullptr)
    return true;
  const auto timeout = options_.wait ? std::nullopt : options_.timeout ? options_.timeout : menu().timeout;
  return chooser_.count_down(*item, timeout, menu().timeout_style);
}

void Session::boot_unattended() {
  for (unsigned tries = 1;; ++tries) {
    boot_default();
    if (!another_try(tries))
      break;
    look_at_disks();
  }
  if (options_.on_error == config::OnError::fallback)
    boot_fallbacks();
  after_failure();
}

bool Session::another_try(unsigned tries) {
  if (options_.on_error == config::OnError::retry) {
    log_.say("trying again in 5 s, as pvboot.on_error=retry says; press a key for the menu");
    return !guest_.console.read_key(retry_pause);
  }
  if (options_.on_error != config::OnError::fallback || tries > 1 || !may_change(last_failure_))
    return false;
  log_.say("trying once more, with the disks looked at again");
  return true;
}

void Session::boot_default() {
  config::ItemPath path;
  if (found_.configuration && default_item(path) != nullptr)
    boot(path);
}

void Session::boot_fallbacks() {
  if (!found_.configuration)
    return;
  const auto fallbacks = menu().fallbacks;
  for (const config::ItemPath& fallback : fallbacks)
    if (menu().at(fallback) != nullptr) {
      log_.say("trying the fallback entry");
      boot(fallback);
    }
}

void Session::boot(const config::ItemPath& item) {
  auto entry = found_.configuration->resolve(item, config::WritePolicy::on);
  if (!entry) {
    report("this entry cannot be booted", entry.error());
    return;
  }
  for (const std::string& warning : entry->warnings)
    log_.say("warning: " + printable(warning, 300));
  boot_resolved(*entry, options_.kernel_words, {});
}

void Session::boot_stage2() {
  const std::vector<std::string> no_words; // they are part of the entry's command line already
  for (const config::Entry& entry : stage2_entries(*disks_, guest_.start.command_line))
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
  switch (entry.kind) {
  case config::EntryKind::configuration: return follow(entry.kernel);
  case config::EntryKind::reboot: end(xen::ShutdownReason::reboot);
  case config::EntryKind::poweroff: end(xen::ShutdownReason::poweroff);
  case config::EntryKind::linux:
  case config::EntryKind::multiboot:
  case config::EntryKind::kernel:
  case config::EntryKind::chainloader: break;
  }
  Workshop workshop{guest_, memory_, *disks_, log_, kernel_words, refused_build_id};
  auto handover = TRY(prepare(workshop, entry));
  hand_over(handover);
}

Result<void> Session::follow(const config::FilePath& file) {
  if (++chained_ > max_chained_configurations)
    return fail(Code::too_large, "configurations name one another without end", file.text());
  config::ReadOptions how;
  how.format = config::format_of(file.path).value_or(config::Format::grub);
  how.variables = options_.grub_variables;
  how.writes = config::WritePolicy::on;
  auto read = TRY(config::read_config(*environment_, file, how));
  found_ = {file, std::move(read)};
  if (count_down())
    boot_default();
  return {};
}

void Session::hand_over(xen::Handover& handover) {
  log_.info("starting the kernel");
  log_.timing("ready to leave", memory_text());
  status_.set("state", "handed-over");
  found_ = {};
  environment_.reset();
  disks_.reset();
  if (vbds_) {
    vbds_->close();
    for (const xen::DiskFailure& failure : vbds_->failures())
      log_.say("warning: disk " + failure.why.text());
    vbds_.reset();
  }
  log_.timing("disks closed");
  if (guest_.store != nullptr)
    (void)guest_.store->reset_watches();
  (void)guest_.grants.end_all();
  handover.jump(guest_.shared, program_.wipe);
}

bool Session::ask_at_menu() {
  status_.set("state", "menu");
  const Decision decision =
      chooser_.ask(found_.configuration ? &menu() : nullptr, found_.configuration ? found_.file.text() : std::string());
  switch (decision.kind) {
  case Decision::Kind::boot: boot(decision.item); return false;
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

void Session::end(xen::ShutdownReason reason) {
  guest_.console.drain(drain_limit);
  xen::shutdown(reason);
}

void Session::report(std::string_view what, const Error& error) {
  last_failure_ = error.code();
  log_.error(what, error);
  status_.set("error", error.text());
}

} // namespace

void run_session(xen::Guest& guest, xen::AddressSpace& memory, const Program& program) {
  auto session = std::make_unique<Session>(guest, memory, program);
  session->run();
}

} // namespace pvboot::loader
