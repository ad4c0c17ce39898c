// The xenstore client and a store that does what the input says: whatever that is, each call ends within its time,
// what a well-formed answer said is what the caller gets, and a store that was given up is not asked again.
#include "hostile_store.hpp"

#include <algorithm>

using namespace pvboot;
using namespace pvboot::xen;

namespace {

constexpr unsigned most_calls = 40;
const std::string paths[] = {"device/vbd", "a", "", std::string(2000, 'p'), std::string("a\0b", 3)};
constexpr std::size_t value_sizes[] = {1, 0, 1000, 4000, 4093, 4094, 4095, 5000};
constexpr Duration event_limits[] = {milliseconds(1), {}, seconds(1), seconds(30)};

bool has_nul(std::string_view text) { return text.contains('\0'); }

class Session {
public:
  Session(Script& script, Script peer, bool at_every_look) : script_(script), store_(watched_, peer) {
    watched_.at_hypercall = [this] { store_.act(); };
    if (at_every_look)
      watched_.at_look = [this] { store_.act(); };
  }

  void call() {
    const bool usable = client_.usable();
    const std::size_t hypercalls = watched_.hypercalls;
    const auto code = make_a_call(script_.byte());
    // Code::gone says that it was given up; nothing else does.
    require((code == Code::gone) == !client_.usable());
    // At once: without a hypercall, so without a wait.
    if (!usable)
      require(code == Code::gone && watched_.hypercalls == hypercalls);
  }

private:
  template <typename T> static std::optional<Code> code_of(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error().code());
  }

  std::optional<Code> make_a_call(std::uint8_t which) {
    const std::string& path = script_.one_of(paths);
    const Transaction in{script_.flag() ? transaction_.id : 0u};
    watched_.begin(XenStore::reply_limit);
    switch (which % 13) {
    case 0: return read(path, in);
    case 1: return list(path, in);
    case 2: return code_of(client_.write(path, std::string(script_.one_of(value_sizes), 'v'), in));
    case 3: return code_of(client_.make_directory(path, in));
    case 4: return code_of(client_.remove(path, in));
    case 5: return code_of(client_.read_number(path, in));
    case 6: return code_of(client_.read_number_or(path, 7, in));
    case 7: return begin();
    case 8: return code_of(client_.end(transaction_, script_.flag()));
    case 9: return code_of(client_.watch(path, "token"));
    case 10: return code_of(client_.unwatch(path, "token"));
    case 11: return next_event(script_.one_of(event_limits));
    default:
      // The request, and then what is still under way.
      watched_.begin({2 * XenStore::reply_limit.nanoseconds});
      return code_of(client_.reset_watches());
    }
  }

  std::optional<Code> read(const std::string& path, Transaction in) {
    const auto value = client_.read(path, in);
    if (!value)
      return value.error().code();
    require(value->size() <= XENSTORE_PAYLOAD_MAX);
    if (const auto answer = answered())
      require(answer->type == XS_READ && answer->payload == *value);
    return std::nullopt;
  }

  std::optional<Code> list(const std::string& path, Transaction in) {
    const auto names = client_.list(path, in);
    if (!names)
      return names.error().code();
    std::string joined;
    for (const std::string& name : *names) {
      require(!name.empty() && !has_nul(name));
      joined += name + '\0';
    }
    require(joined.size() <= XENSTORE_PAYLOAD_MAX + 1);
    if (const auto answer = answered())
      require(answer->type == XS_DIRECTORY && names->size() <= answer->payload.size());
    return std::nullopt;
  }

  std::optional<Code> begin() {
    const auto transaction = client_.begin();
    if (!transaction)
      return transaction.error().code();
    require(transaction->id != 0);
    transaction_ = *transaction;
    return std::nullopt;
  }

  std::optional<Code> next_event(Duration limit) {
    watched_.begin(limit);
    const auto event = client_.next_event(limit);
    if (!event)
      return event.error().code();
    if (*event)
      require(!has_nul((*event)->path) && !has_nul((*event)->token));
    return std::nullopt;
  }

  // A call that succeeded had an answer; when nothing but whole messages was said, that one.
  std::optional<HostileStore::Answer> answered() const {
    if (!store_.well_formed())
      return std::nullopt;
    require(store_.last_answer().has_value());
    return store_.last_answer();
  }

  Script& script_;
  WatchedXen watched_{64};
  HostileStore store_;
  XenStore client_{store_.ring, HostileStore::port, watched_.xen.events, watched_.xen.clock};
  Transaction transaction_{};
};

} // namespace

// The first byte: how much of the input is the calls', whether the store begins again at the end of its part, whether
// it acts whenever the client looks at its clock.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script peer(std::span(data, size));
  const std::uint8_t how = peer.byte();
  Script calls = peer.cut_off(static_cast<std::uint8_t>(32 + (how & 0x3f)));
  if ((how & 0x40) != 0)
    peer.repeat();
  Session session(calls, peer, (how & 0x80) != 0);
  for (unsigned i = 0; i < most_calls && !calls.ended(); ++i)
    session.call();
  return 0;
}
