// A xenstore that does what the input says: one decision at a time, of which 0 is what an honest store does. It works
// on the ring's bytes and on all four indices.
#pragma once

#include "watched_xen.hpp"
#include "xen/xenstore.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace pvboot::xen {

class HostileStore {
public:
  HostileStore(WatchedXen& watched, Script script);

  /// One decision.
  void act();

  /// Up to now it has said whole messages only, and left the indices that are not its own alone.
  bool well_formed() const { return well_formed_; }
  /// The first answer to the last request that was taken: its type and payload.
  struct Answer {
    std::uint32_t type = 0;
    std::string payload;
  };
  std::optional<Answer> last_answer() const;

  static constexpr EventPort port{1};
  xenstore_domain_interface ring{};

private:
  void take(std::size_t most);
  void deliver();
  void say(std::uint32_t type, std::uint32_t req_id, const std::string& payload);
  void answer(const xsd_sockmsg& request, std::uint32_t type, const std::string& payload);
  void answer_as_usual();
  std::string usual_payload(std::uint32_t type);
  std::string some_payload();
  void be_hostile(std::uint8_t how);
  void move_an_index();

  WatchedXen& watched_;
  Script script_;
  std::string incoming_;
  std::deque<xsd_sockmsg> requests_; ///< not answered
  std::uint32_t last_taken_ = 0;     ///< req_id
  std::map<std::uint32_t, Answer> answers_;
  std::deque<char> outgoing_;
  std::size_t bytes_a_step_ = SIZE_MAX;
  bool well_formed_ = true;
};

} // namespace pvboot::xen
