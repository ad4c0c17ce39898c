#include "loader/program/attendant.hpp"

#include "base/text.hpp"
#include "loader/program/end_domain.hpp"

namespace pvboot::loader {

namespace {

// How often a request may change while it is being acknowledged, before the next event is waited for.
constexpr int most_looks = 8;
constexpr std::size_t longest_shown = 60;

struct Ending {
  std::string_view word;
  xen::ShutdownReason reason;
  std::string_view said;
};

constexpr Ending endings[] = {
    {"poweroff", xen::ShutdownReason::poweroff, "the host asks for a shutdown: powering off"},
    {"halt", xen::ShutdownReason::poweroff, "the host asks for a halt: powering off"},
    {"reboot", xen::ShutdownReason::reboot, "the host asks for a reboot: rebooting"},
};

const Ending* ending_of(std::string_view word) {
  for (const Ending& ending : endings)
    if (ending.word == word)
      return &ending;
  return nullptr;
}

} // namespace

Attendant::Attendant(xen::XenStore* store, xen::Console& console, const xen::Clock& clock, Log& log)
    : console_(console), clock_(clock), log_(log) {
  if (store != nullptr)
    requests_.emplace(*store);
}

void Attendant::begin() {
  if (!requests_)
    return;
  listening_ = true;
  if (const auto opened = requests_->open(); !opened)
    stop_listening(opened.error());
}

void Attendant::stop_listening(const Error& why) {
  listening_ = false;
  log_.debug("the host's requests are not heard any more: " + printable(why.text(), 300));
}

std::optional<char> Attendant::wait_for_key(Duration limit, std::string_view line) {
  const xen::Instant deadline = clock_.now() + limit;
  // Events may have been taken by whoever used the store before.
  serve_host(line);
  for (;;) {
    // What the store said together with an answer to us raises no event of its own: no sleep before it has been
    // looked for, and nothing was there.
    const Duration sleep = serve_change(line) ? Duration{} : deadline - clock_.now();
    const auto key = console_.read_key(sleep, listening_ ? requests_->port() : std::nullopt);
    if (key || clock_.now() >= deadline)
      return key;
  }
}

bool Attendant::serve_change(std::string_view line) {
  if (!listening_)
    return false;
  const auto changed = requests_->changed();
  if (!changed)
    stop_listening(changed.error());
  else if (*changed)
    serve_host(line);
  return changed && *changed;
}

void Attendant::serve_host(std::string_view line) {
  if (!listening_)
    return;
  if (const auto served = serve(line); !served)
    stop_listening(served.error());
}

Result<void> Attendant::serve(std::string_view line) {
  for (int looks = 0; looks < most_looks; ++looks) {
    const std::string word = TRY(requests_->word());
    const Ending* ending = ending_of(word);
    if (ending == nullptr) {
      if (!word.empty() && word != seen_)
        refuse(word, line);
      seen_ = word;
      return {};
    }
    // A host that keeps us from acknowledging has asked all the same.
    const auto acknowledged = requests_->acknowledge(word);
    if (acknowledged && !*acknowledged)
      continue;
    if (!line.empty())
      log_.raw("\n");
    log_.say(ending->said);
    end_domain(console_, ending->reason);
  }
  return {};
}

void Attendant::refuse(std::string_view word, std::string_view line) {
  if (++refusals_ > most_refusals_said)
    return;
  if (!line.empty())
    log_.raw("\n");
  if (word == "suspend")
    log_.say("the host asks for a suspend (to save or to migrate this guest): refused, only a running kernel can do "
             "that");
  else
    log_.say("the host asks for '" + printable(word, longest_shown) + "', which pvboot does not know: ignored");
  log_.raw(line);
}

void Attendant::leave() {
  if (requests_)
    requests_->close();
  listening_ = false;
}

} // namespace pvboot::loader
