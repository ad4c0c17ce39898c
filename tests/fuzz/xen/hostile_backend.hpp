// A block backend that does what the input says: one decision at a time, of which 0 is what an honest one does: follow
// the states as blkback does, and serve the ring.
//
// It plays by Xen's rules, as it must: it maps what is granted to it when it maps it, and a page that it has mapped it
// may write into for as long as it likes. Hence what it checks at each step: a grant that it holds stays as it is; the
// page behind it is not given back to the heap (ASan sees the write); a reference in a request that it has not
// answered is in no other.
#pragma once

#include "lost_pages.hpp"
#include "tests/unit/xen/fake_store.hpp"
#include "watched_xen.hpp"
#include "xen/abi/io.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pvboot::xen {

class HostileBackend {
public:
  HostileBackend(WatchedXen& watched, FakeStore& store, Script& script, unsigned vdev);
  HostileBackend(const HostileBackend&) = delete;
  HostileBackend& operator=(const HostileBackend&) = delete;

  /// One decision, about anything.
  void act();
  /// None, but what there is to do.
  void be_honest();
  /// One about the ring only: the store is too far away to be asked while the guest looks at its clock.
  void race();

  /// Its answers were those of an honest backend, and reads filled what they should.
  bool honest() const { return honest_; }
  /// What a sector holds at its beginning.
  static std::uint64_t mark_of(std::uint64_t byte_offset) { return byte_offset * 0x9e3779b97f4a7c15 + 1; }

  /// Writes into every page that it has mapped.
  void write_everywhere();
  void check_held() const;
  void release_everything();

  std::string frontend() const { return "device/vbd/" + std::to_string(vdev_); }
  std::string backend() const { return "/local/domain/0/backend/vbd/1/" + std::to_string(vdev_); }

private:
  struct Held {
    std::uint32_t frame;
    std::uint16_t flags;
    std::byte* page;
  };
  struct Request {
    std::uint64_t id = 0;
    std::uint8_t operation = 0; ///< as on the ring
    std::uint8_t inner = 0;     ///< of an indirect request
    std::uint64_t sector = 0;
    std::vector<blkif_request_segment> pages{};
    bool sound = true; ///< its list could be read
  };

  void be_hostile_on_the_ring(std::uint8_t how);
  void answer_wrongly(std::uint8_t how);
  void be_hostile_in_the_store(std::uint8_t how);
  void change_a_key();
  void describe_otherwise() { honest_ = honest_ && !described_; }

  // States.
  void follow_states();
  void connect();
  void let_go_of_the_ring();
  std::string get(const std::string& path) const { return store_.get(path); }
  void set_state(const std::string& state);
  int state() const { return std::atoi(get(backend() + "/state").c_str()); }

  // The ring.
  blkif_sring_t* ring() const;
  std::uint32_t ring_size() const;
  void look_for_requests();
  Request read_request(const blkif_request_t& raw);
  void check_references(const Request& request);
  std::int16_t carry_out(const Request& request);
  void serve_all();
  void answer(std::size_t which, const blkif_response_t& response);
  void put_response(const blkif_response_t& response);
  void forget_what_is_answered();
  void raise() { watched_.xen.raise(port_); }

  // Grants.
  std::byte* hold(grant_ref_t ref);
  void release(grant_ref_t ref);
  bool is_of_the_ring(grant_ref_t ref) const;
  std::byte* map(grant_ref_t ref, bool write);

  WatchedXen& watched_;
  FakeStore& store_;
  Script& script_;
  unsigned vdev_;
  std::map<grant_ref_t, Held> held_;
  std::vector<grant_ref_t> ring_refs_;
  std::vector<std::byte*> ring_pages_;
  std::vector<Request> requests_; ///< seen, not answered
  std::uint32_t req_cons_ = 0;
  std::uint32_t rsp_prod_ = 0;
  EventPort port_{};
  bool meddled_ = false;                        ///< with the index of the requests
  std::optional<std::uint32_t> false_req_prod_; ///< what it wrote there itself
  blkif_response_t last_response_{};
  std::uint64_t unit_ = 512;      ///< what sector numbers count
  bool counts_in_blocks_ = false; ///< as QEMU before 9.2
  bool described_ = false;        ///< it said that it is connected: its keys may have been read
  bool asleep_ = false;           ///< does nothing of its own accord
  bool keeps_ = false;            ///< what it has mapped
  bool honest_ = true;
};

} // namespace pvboot::xen
