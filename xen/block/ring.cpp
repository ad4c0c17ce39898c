#include "xen/block/ring.hpp"

#include "xen/quarantine.hpp"
#include "xen/shared_ring.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace pvboot::xen {

BlkRing::BlkRing(unsigned order)
    : order_(order), pages_(static_cast<std::byte*>(::operator new(page_size << order, std::align_val_t{page_size}))) {
  std::memset(pages_, 0, page_size << order);
  shared_ = reinterpret_cast<blkif_sring_t*>(pages_);
  size_ = static_cast<std::uint32_t>(__RING_SIZE(shared_, page_size << order));
  shared_->req_event = 1;
  shared_->rsp_event = 1;
}

BlkRing::~BlkRing() {
  if (lost_)
    quarantine(pages_, page_size << order_);
  else
    ::operator delete(pages_, std::align_val_t{page_size});
}

blkif_request_t& BlkRing::next_request() { return shared_->ring[req_prod_++ & (size_ - 1)].req; }

bool BlkRing::publish() {
  const std::uint32_t before = std::exchange(published_, req_prod_);
  store(shared_->req_prod, req_prod_);
  xen_mb();
  return req_prod_ - load(shared_->req_event) < req_prod_ - before;
}

// How many responses lie there; nothing when the backend's index cannot be.
std::optional<std::uint32_t> BlkRing::responses_there() {
  const std::uint32_t there = load(shared_->rsp_prod) - rsp_cons_;
  if (there > published_ - rsp_cons_) {
    broken_ = true;
    return std::nullopt;
  }
  return there;
}

std::optional<blkif_response_t> BlkRing::next_response() {
  const auto there = responses_there();
  if (!there || *there == 0)
    return std::nullopt;
  blkif_response_t copy;
  std::memcpy(&copy, &shared_->ring[rsp_cons_++ & (size_ - 1)].rsp, sizeof copy);
  return copy;
}

bool BlkRing::arm() {
  store(shared_->rsp_event, rsp_cons_ + 1);
  xen_mb();
  const auto there = responses_there();
  return there && *there != 0;
}

} // namespace pvboot::xen
