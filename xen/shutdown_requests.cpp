#include "xen/shutdown_requests.hpp"

namespace pvboot::xen {

namespace {

constexpr std::string_view key = "control/shutdown";
constexpr std::string_view token = "pvboot-shutdown";
constexpr std::string_view features[] = {"control/feature-poweroff", "control/feature-reboot"};
constexpr std::string_view offered = "1";
constexpr int most_commit_tries = 16;

} // namespace

Result<void> ShutdownRequests::open() {
  TRY(store_.watch(key, token));
  watching_ = true;
  for (const std::string_view feature : features)
    advertise(feature);
  return {};
}

// A host that has no such key, or keeps it to itself, does not look there.
void ShutdownRequests::advertise(std::string_view feature) {
  auto before = store_.read(feature);
  if (before && *before != offered && store_.write(feature, offered))
    advertised_.push_back({std::string(feature), *std::move(before)});
}

void ShutdownRequests::close() {
  for (const Feature& feature : advertised_)
    (void)store_.write(feature.key, feature.before);
  advertised_.clear();
  if (watching_)
    (void)store_.unwatch(key, token);
  watching_ = false;
}

Result<bool> ShutdownRequests::changed() {
  bool ours = false;
  // Bounded: a store that never stops talking must not keep us here.
  for (std::size_t taken = 0; taken < XenStore::max_queued_events; ++taken) {
    const auto event = TRY(store_.next_event({}));
    if (!event)
      break;
    ours = ours || event->token == token;
  }
  return ours;
}

Result<std::string> ShutdownRequests::word() {
  auto value = store_.read(key);
  if (!value && value.error().code() == Code::not_found)
    return std::string();
  return value;
}

Result<bool> ShutdownRequests::acknowledge(std::string_view word) {
  for (int tries = 0; tries < most_commit_tries; ++tries) {
    const Transaction transaction = TRY(store_.begin());
    const auto now = store_.read(key, transaction);
    const bool still = now && *now == word;
    auto emptied = still ? store_.write(key, "", transaction) : Result<void>();
    const bool committed = TRY(store_.end(transaction, still && emptied));
    TRY(std::move(emptied));
    if (!still)
      return false;
    if (committed)
      return true;
  }
  return fail(Code::timed_out, "somebody writes it all the time", key);
}

std::optional<EventPort> ShutdownRequests::port() const {
  return store_.usable() ? std::optional(store_.port()) : std::nullopt;
}

} // namespace pvboot::xen
