// A paravirtual disk: the frontend of one vbd, as a BlockSource [xen/io/blkif.h; xen-abi.md part D].
//
// Connecting and closing are state machines that never wait themselves: advance() does what the two states in xenstore
// allow and says whether more is to come, so that any number of disks go through them side by side (block/disks.hpp
// drives them). When connected, requests go straight between the caller's frames and the backend by one grant a page,
// which ends with the request; a BlockRequest larger than the device's own limits is split over several ring
// requests. A ring request has moved all of its bytes or has failed, blkif knows no length of an answer; so a
// BlockRequest has failed when one of its pieces has. Indirect requests and larger rings are used where the backend
// offers them. On disks of large blocks, memory that is not aligned to them goes through a page in between.
//
// The backend is outside. A response with a bad id, for a request that is not out, of a wrong operation, or an index
// out of range makes the device gone: everything in flight completes with BlockStatus::gone, and what the backend may
// still write into is said to be quarantined. A request that is not answered within `request_limit` does the same
// with BlockStatus::timed_out. Nothing that the backend may still map is ever used again.
#pragma once

#include "base/block_source.hpp"
#include "xen/block/ring.hpp"
#include "xen/clock.hpp"
#include "xen/events.hpp"
#include "xen/frame_lookup.hpp"
#include "xen/grant_table.hpp"
#include "xen/xenbus.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pvboot::xen {

/// What a frontend works with; all of it outlives the frontend.
struct DeviceServices {
  XenStore& store;
  EventChannels& events;
  GrantTable& grants;
  const FrameLookup& frames;
  const Clock& clock;
};

/// A disk as xenstore describes it.
struct DiskNode {
  std::uint64_t vdev = 0;
  std::string name;     ///< "xvda"
  std::string frontend; ///< directory of ours, "device/vbd/51712"
  std::string backend;  ///< directory of the backend's
  DomainId backend_domain{0};
  bool cdrom = false;
};

class BlkFront final : public BlockSource {
public:
  static constexpr Duration default_request_limit = seconds(60);

  BlkFront(const DeviceServices& services, DiskNode node);
  ~BlkFront() override;
  BlkFront(const BlkFront&) = delete;
  BlkFront& operator=(const BlkFront&) = delete;

  const DiskNode& node() const { return node_; }

  enum class Step : std::uint8_t { waiting, done };
  /// Goes as far towards a connected device as the backend allows. An Error is final: close() what there is.
  Result<Step> advance_connect();
  /// Goes as far as the backend allows towards a device that the guest's own blkfront finds as new. Works from any
  /// state of the connection. From a backend that never took the ring up it is withdrawn, in a few seconds.
  Result<Step> advance_close();
  /// For a backend that does not follow: takes back what can be taken back and leaves the rest to it for ever.
  void abandon();

  bool connected() const { return phase_ == Phase::connected; }

  void set_request_limit(Duration limit) { request_limit_ = limit; }

  // BlockSource
  BlockGeometry geometry() const override { return shape_; }
  Result<bool> submit(BlockRequest& request) override;
  void pump(Duration limit) override;
  std::string_view name() const override { return node_.name; }

private:
  enum class Phase : std::uint8_t {
    fresh,
    awaiting_backend, ///< ours is Initialising, the backend's is to become InitWait
    published,        ///< ours is Initialised, the backend's is to become Connected
    withdrawn,        ///< ours is Initialising again, and the backend had not become Connected
    connected,
    failed,
    closing,        ///< ours is Closing
    closed,         ///< ours is Closed
    reinitialising, ///< ours is Initialising again
    finished,
  };

  struct Job;
  struct Slot;

  // blkfront_connect.cpp
  Result<Step> begin();
  Result<Step> go_on_closing();
  Result<void> begin_closing(Phase then);
  Result<Step> withdraw();
  Result<Step> prompt(BusState theirs);
  Result<Step> publish();
  Result<void> offer_ring(Transaction in);
  Result<Step> go_online();
  Result<void> learn_features();
  Result<void> learn_shape();
  Result<bool> counts_in_blocks(std::uint32_t block_size);
  Result<void> remove_keys(Transaction in = {});
  void release_ring(bool answered);

  // blkfront.cpp
  void feed();
  bool send_piece(Job& job);
  Result<void> gather(Job& job, Slot& slot);
  Result<void> add_page(Slot& slot, const std::byte* at, std::size_t size, bool device_writes);
  std::byte* bounce(Slot& slot, MutBytes block, BlockOp op);
  void fill_request(Slot& slot, std::uint64_t offset);
  bool ready_indirect(Slot& slot);
  Slot* open_slot();
  bool collect();
  void take_response(const blkif_response_t& response);
  bool take_back(GrantRef ref, bool answered);
  void release_lists(bool answered);
  void settle(Slot& slot, BlockStatus status, bool answered);
  bool finish_if_done(Job& job);
  void lose_device(BlockStatus status);
  bool busy() const;
  bool backend_left();
  Instant earliest_deadline() const;

  DeviceServices services_;
  DiskNode node_;
  Phase phase_ = Phase::fresh;
  Phase after_closing_ = Phase::finished;
  Instant withdrawn_until_{}; ///< how long a backend is watched that may have been about to take the ring up
  bool prompted_ = false;     ///< a backend that was not ready for us has been told so, once
  std::optional<EventPort> port_;
  std::unique_ptr<BlkRing> ring_;
  std::vector<GrantRef> ring_grants_;

  BlockGeometry shape_{};
  std::uint32_t unit_ = 512;                                       ///< bytes in what sector numbers count
  std::uint32_t pages_a_request_ = BLKIF_MAX_SEGMENTS_PER_REQUEST; ///< of one ring request
  bool can_flush_ = false;
  bool can_barrier_ = false;
  Duration request_limit_ = default_request_limit;

  Instant last_heard_{};                     ///< from the backend, or since when there is something to wait for
  std::vector<std::unique_ptr<Slot>> slots_; ///< by the id on the ring
  std::vector<std::unique_ptr<Job>> jobs_;   ///< by BlockRequest
  std::vector<Job*> queue_;                  ///< those with pieces to send, first come first served
};

} // namespace pvboot::xen
