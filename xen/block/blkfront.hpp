// A paravirtual disk: the frontend of one vbd, as a BlockSource [xen/io/blkif.h; xen-abi.md part D].
//
// Connecting and closing are state machines that never wait themselves: advance() does what the two states in xenstore
// allow and says whether more is to come, so that any number of disks go through them side by side (block/disks.hpp
// drives them). When connected, requests go straight between the caller's frames and the backend by one grant a page,
// which ends with the request; a BlockRequest larger than the device's own limits is split over several ring
// requests. Indirect requests and larger rings are used where the backend offers them.
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
  /// state of the connection, and when the backend is dead.
  Result<Step> advance_close();

  bool connected() const { return phase_ == Phase::connected; }
  /// Whether the store, and not only the device, has named the medium read-only, a CD or removable.
  std::uint32_t disk_info() const { return info_; }

  void set_request_limit(Duration limit) { request_limit_ = limit; }

  // BlockSource
  BlockGeometry geometry() const override { return shape_; }
  Result<bool> submit(BlockRequest& request) override;
  void pump(Duration limit) override;
  std::string_view name() const override { return node_.name; }

private:
  enum class Phase : std::uint8_t {
    fresh,
    // A frontend that an earlier loader left behind is closed first.
    stale_closing,
    stale_closed,
    stale_reinitialising,
    awaiting_backend,
    published,
    connected,
    closing,
    closed,
    reinitialising,
    finished,
    failed,
  };

  struct Job;
  struct Slot;

  Result<Step> begin();
  Result<Step> reset_stale();
  Result<Step> publish();
  Result<Step> go_online();
  Result<void> learn_features();
  Result<void> learn_shape();
  Result<bool> units_are_large(std::uint32_t sector_size);
  Result<void> write_keys(unsigned order);
  Result<void> remove_keys(Transaction in);
  void release();

  void feed();
  bool send_piece(Job& job);
  bool collect();
  void take_response(const blkif_response_t& response);
  void end_piece(Slot& slot, BlockStatus status);
  void finish(Job& job);
  void lose_device(BlockStatus status);
  bool overdue() const;
  void check_backend();

  DeviceServices services_;
  DiskNode node_;
  Phase phase_ = Phase::fresh;
  std::optional<EventPort> port_;
  std::unique_ptr<BlkRing> ring_;
  BlockGeometry shape_{};
  std::uint32_t info_ = 0;
  std::uint32_t unit_ = 512;            ///< bytes in what sector numbers count
  std::uint32_t pieces_a_request_ = 11; ///< page segments in one ring request
  bool indirect_ = false;
  bool can_flush_ = false;
  bool can_barrier_ = false;
  Duration request_limit_ = default_request_limit;

  std::vector<std::unique_ptr<Slot>> slots_; ///< by the id on the ring
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Job*> queue_; ///< with pieces to send, first come first served
};

} // namespace pvboot::xen
