// A xenstore on the other side of the ring, well-behaved unless a test tells it otherwise. Like a real one it sleeps
// on a full ring until an event.
#pragma once

#include "fake_xen.hpp"
#include "xen/xenstore.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace pvboot::xen {

class FakeStore final : public Peer {
public:
  explicit FakeStore(FakeXen& xen, std::uint32_t first_index = 0);

  void run() override;

  /// A write from the host's side, which fires watches.
  void set(const std::string& path, const std::string& value);
  std::string get(const std::string& path) const;
  bool has(const std::string& path) const { return values.contains(path); }

  struct Message {
    xsd_sockmsg header{};
    std::string payload;
  };

  static constexpr EventPort port{1};
  xenstore_domain_interface ring{};
  std::map<std::string, std::string> values;
  std::vector<std::pair<std::string, std::string>> watches;
  std::vector<xsd_sockmsg> requests; ///< the headers of all that were asked

  bool silent = false;                  ///< takes nothing, says nothing
  bool deaf = false;                    ///< takes requests, answers none
  std::size_t bytes_a_run = SIZE_MAX;   ///< how much it moves each way at a time
  std::function<void(Message&)> tamper; ///< before an answer leaves
  std::set<std::string> read_only;      ///< writing these is EACCES
  unsigned conflicts = 0;               ///< so many transactions end with EAGAIN
  std::deque<char> outgoing;

  void say(std::uint32_t type, std::uint32_t req_id, const std::string& payload);

private:
  void take_requests();
  void give_answers();
  void answer(const Message& message);
  void fire(const std::string& path);
  void end_transaction(std::uint32_t req_id, bool commit);

  FakeXen& xen_;
  std::string incoming_;
  std::map<std::string, std::string> uncommitted_; ///< of the one transaction that it knows
  std::optional<std::size_t> asleep_since_; ///< it found the ring full: so many events had been sent to anybody then
};

} // namespace pvboot::xen
