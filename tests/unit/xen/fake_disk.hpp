// A block backend: it goes through the states as blkback does, and serves the ring from a vector; a test can make it
// slow, faulty or hostile.
#pragma once

#include "fake_store.hpp"
#include "xen/abi/io.hpp"

#include <functional>

namespace pvboot::xen {

class FakeDisk final : public Peer {
public:
  struct Shape {
    std::uint64_t size = 1 << 20;
    unsigned sector_size = 512;
    unsigned unit = 512; ///< what sector numbers count
    unsigned indirect_segments = 0;
    unsigned max_ring_order = 0;
    bool flush = false;
    bool read_only = false;
  };

  FakeDisk(FakeXen& xen, FakeStore& store, unsigned vdev, const Shape& shape);

  void run() override;

  std::string frontend() const { return "device/vbd/" + std::to_string(vdev_); }
  std::string backend() const { return "/local/domain/0/backend/vbd/1/" + std::to_string(vdev_); }
  int state() const { return std::atoi(store_.get(backend() + "/state").c_str()); }
  int frontend_state() const { return std::atoi(store_.get(frontend() + "/state").c_str()); }

  std::vector<std::byte> bytes;
  std::vector<std::uint8_t> operations; ///< of the ring requests, an indirect one by its inner operation
  std::size_t most_pages_seen = 0;
  std::size_t deepest_queue = 0;
  std::vector<std::byte> last_list; ///< the whole page that an indirect request named

  bool asleep = false;                                     ///< answers nothing at all
  bool frozen = false;                                     ///< serves no requests; states go on
  bool backwards = false;                                  ///< answers the last request first
  std::function<void(blkif_response_t&)> tamper;           ///< before a response is put on the ring
  std::function<std::int16_t(std::uint64_t sector)> fault; ///< the status for a request at a sector
  std::uint32_t claim_more = 0;                            ///< added to the response index
  bool hold_grants = false;                                ///< keeps the data pages in use after the response
  bool die = false;                                        ///< closes itself

private:
  void follow_states();
  void connect();
  void serve();
  std::int16_t carry_out(std::uint8_t operation, std::uint64_t sector, std::span<const blkif_request_segment> pages);
  std::byte* map(grant_ref_t ref, bool write);
  void set_state(int state) { store_.set(backend() + "/state", std::to_string(state)); }

  FakeXen& xen_;
  FakeStore& store_;
  unsigned vdev_;
  Shape shape_;
  std::vector<std::byte*> ring_pages_;
  std::vector<grant_ref_t> ring_refs_;
  std::uint32_t req_cons_ = 0;
  std::uint32_t rsp_prod_ = 0;
  EventPort port_{};
};

} // namespace pvboot::xen
