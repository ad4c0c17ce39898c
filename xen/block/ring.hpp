// The request ring of one vbd as the frontend sees it [xen/io/ring.h, xen/io/blkif.h].
//
// The producer index of the responses is the backend's: it is read once, checked against what was sent, and an entry
// is copied before it is looked at. A backend that claims responses to requests never sent has broken the ring.
#pragma once

#include "base/units.hpp"
#include "xen/abi/io.hpp"

#include <memory>
#include <optional>
#include <span>

namespace pvboot::xen {

class BlkRing {
public:
  /// 2^order contiguous pages, zeroed, initialised.
  explicit BlkRing(unsigned order);

  std::size_t page_count() const { return std::size_t{1} << order_; }
  const void* page(std::size_t index) const { return pages_ + index * page_size; }

  std::uint32_t size() const { return size_; } ///< entries
  std::uint32_t free() const { return size_ - (req_prod_ - rsp_cons_); }

  /// The next entry to fill; only while free() is not 0. It is sent with the next publish().
  blkif_request_t& next_request();
  /// Makes what was filled visible; true when the backend wants an event.
  bool publish();

  /// The next response, if there is one.
  std::optional<blkif_response_t> next_response();
  /// Asks for an event at the next response; true when one has come meanwhile.
  bool arm();
  /// The backend has claimed more responses than there were requests.
  bool broken() const { return broken_; }

  /// The pages must never be freed: the backend may still have them.
  void lose() { lost_ = true; }

  ~BlkRing();
  BlkRing(const BlkRing&) = delete;
  BlkRing& operator=(const BlkRing&) = delete;

private:
  std::optional<std::uint32_t> responses_there();

  unsigned order_;
  std::byte* pages_;
  blkif_sring_t* shared_;
  std::uint32_t size_;
  std::uint32_t req_prod_ = 0;  ///< filled
  std::uint32_t published_ = 0; ///< filled and shown to the backend; the shared index can be overwritten by it
  std::uint32_t rsp_cons_ = 0;
  bool broken_ = false;
  bool lost_ = false;
};

} // namespace pvboot::xen
