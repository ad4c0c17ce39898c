// The xenstore client [xen/io/xs_wire.h, docs/misc/xenstore.txt]: one request at a time over the ring that the domain
// builder set up, and watches that come in between.
//
// The store is outside: every length and ring index that it writes is checked, every wait has a limit. A store that
// breaks the protocol, or stops taking in the middle of a request, is given up: from then on every call fails at once
// with Code::gone. One that is only late fails the call with Code::timed_out; its late answer is recognised by its
// req_id and thrown away.
//
// Paths without a leading "/" are relative to the domain's own directory. An error that the store itself reports has
// a Code by its name (not_found for ENOENT, denied for EACCES, EPERM, EROFS …, io for an unknown one) and the path as
// its place.
#pragma once

#include "xen/clock.hpp"
#include "xen/events.hpp"

#include "xen/abi/io.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pvboot::xen {

/// A transaction's id; 0 is none.
struct Transaction {
  std::uint32_t id = 0;
};

struct WatchEvent {
  std::string path;
  std::string token;
};

class XenStore {
public:
  static constexpr Duration reply_limit = seconds(10);
  static constexpr std::size_t max_queued_events = 256;

  XenStore(xenstore_domain_interface& ring, EventPort port, EventChannels& events, const Clock& clock);

  Result<std::string> read(std::string_view path, Transaction in = {});
  Result<void> write(std::string_view path, std::string_view value, Transaction in = {});
  Result<void> make_directory(std::string_view path, Transaction in = {});
  /// Removing what is not there is no error.
  Result<void> remove(std::string_view path, Transaction in = {});
  /// The names of the children; bounded in count by what fits a message of the store.
  Result<std::vector<std::string>> list(std::string_view path, Transaction in = {});

  /// The value as a decimal number; Code::corrupt when it is none.
  Result<std::uint64_t> read_number(std::string_view path, Transaction in = {});
  /// The same, with a value for a key that is not there.
  Result<std::uint64_t> read_number_or(std::string_view path, std::uint64_t otherwise, Transaction in = {});
  Result<void> write_number(std::string_view path, std::uint64_t value, Transaction in = {});

  Result<Transaction> begin();
  /// True: committed. False: somebody else wrote in between, do it again. Aborting is always true.
  Result<bool> end(Transaction transaction, bool commit);

  Result<void> watch(std::string_view path, std::string_view token);
  Result<void> unwatch(std::string_view path, std::string_view token);
  /// The next watch event, waiting up to `limit`; nothing when none came.
  Result<std::optional<WatchEvent>> next_event(Duration limit);

  /// Removes all watches and transactions of this domain, drains what is still under way: the ring is as a new
  /// guest expects it. For the end.
  Result<void> reset_watches();

  bool usable() const { return !broken_; }
  /// What the store's events come through, for waiting on it together with something else.
  EventPort port() const { return port_; }

private:
  struct Reply {
    std::uint32_t type = 0;
    std::string payload;
  };

  Result<std::string> request(xsd_sockmsg_type type, std::string_view payload, Transaction in, std::string_view place);
  Result<Reply> exchange(xsd_sockmsg_type type, std::string_view payload, Transaction in, std::string_view place);
  Result<Reply> await_reply(std::uint32_t req_id, Instant deadline);
  Result<void> send(std::string_view bytes, Instant deadline);
  Result<bool> receive_some();
  Result<std::size_t> take(char* to, std::size_t size);
  void queue_event();
  std::unexpected<Error> give_up(const char* why);

  xenstore_domain_interface& ring_;
  EventPort port_;
  EventChannels& events_;
  const Clock& clock_;
  std::uint32_t next_req_id_ = 1;
  bool broken_ = false;

  // The message that is coming in, however many pieces it takes.
  xsd_sockmsg incoming_{};
  std::size_t header_bytes_ = 0;
  std::string payload_;
  std::size_t payload_bytes_ = 0;

  std::vector<WatchEvent> watch_events_;
};

} // namespace pvboot::xen
