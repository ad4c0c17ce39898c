#include "fake_disk.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {
constexpr int initialising = 1, init_wait = 2, initialised = 3, connected = 4, closing = 5, closed = 6;
}

FakeDisk::FakeDisk(FakeXen& xen, FakeStore& store, unsigned vdev, const Shape& shape)
    : bytes(shape.size), xen_(xen), store_(store), vdev_(vdev), shape_(shape) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 31 + (i >> 9) * 7 + vdev);
  store.values[frontend() + "/backend"] = backend();
  store.values[frontend() + "/backend-id"] = "0";
  store.values[frontend() + "/virtual-device"] = std::to_string(vdev);
  store.values[frontend() + "/device-type"] = "disk";
  store.values[frontend() + "/protocol"] = "x86_64-abi"; // xl's word for what it started
  store.values[frontend() + "/state"] = "1";
  store.values[backend() + "/state"] = "1";
  xen.peers.push_back(this);
}

void FakeDisk::run() {
  if (asleep)
    return;
  if (die) {
    if (state() == connected)
      set_state(closing);
    return;
  }
  follow_states();
  if (state() == connected && !frozen)
    serve();
}

void FakeDisk::follow_states() {
  const int theirs = frontend_state();
  if (state() == initialising || (state() == closed && theirs == initialising)) {
    if (shape_.max_ring_order != 0)
      store_.values[backend() + "/max-ring-page-order"] = std::to_string(shape_.max_ring_order);
    set_state(init_wait);
  } else if (state() == init_wait && (theirs == initialised || theirs == connected)) {
    connect();
  } else if (theirs == closing && state() != closing && state() != closed) {
    set_state(closing);
  } else if (theirs == closed && state() != closed) {
    for (const grant_ref_t ref : ring_refs_)
      xen_.entries[ref].flags &= static_cast<std::uint16_t>(~(GTF_reading | GTF_writing));
    ring_refs_.clear();
    ring_pages_.clear();
    set_state(closed);
  }
}

void FakeDisk::connect() {
  const std::string keys = frontend() + "/";
  if (store_.get(keys + "protocol") != "x86_64-abi")
    return set_state(closing);
  const unsigned order = store_.has(keys + "ring-page-order")
                             ? static_cast<unsigned>(std::stoul(store_.get(keys + "ring-page-order")))
                             : 0;
  for (unsigned i = 0; i < 1u << order; ++i) {
    const std::string key = order == 0 ? "ring-ref" : "ring-ref" + std::to_string(i);
    ring_refs_.push_back(static_cast<grant_ref_t>(std::stoul(store_.get(keys + key))));
    ring_pages_.push_back(map(ring_refs_.back(), true));
    xen_.entries[ring_refs_.back()].flags |= GTF_reading | GTF_writing;
  }
  port_ = {static_cast<evtchn_port_t>(std::stoul(store_.get(keys + "event-channel")))};
  req_cons_ = rsp_prod_ = 0;
  auto& values = store_.values;
  values[backend() + "/sectors"] = std::to_string(shape_.size / shape_.unit);
  values[backend() + "/sector-size"] = std::to_string(shape_.sector_size);
  values[backend() + "/info"] = shape_.read_only ? "4" : "0";
  if (shape_.indirect_segments != 0)
    values[backend() + "/feature-max-indirect-segments"] = std::to_string(shape_.indirect_segments);
  if (shape_.flush)
    values[backend() + "/feature-flush-cache"] = "1";
  set_state(connected);
}

std::byte* FakeDisk::map(grant_ref_t ref, bool write) {
  if (ref >= xen_.entries.size())
    return nullptr;
  const grant_entry_v1_t& entry = xen_.entries[ref];
  if ((entry.flags & GTF_type_mask) != GTF_permit_access || entry.domid != 0 ||
      (write && (entry.flags & GTF_readonly) != 0))
    return nullptr;
  return xen_.frames.page_of(entry.frame);
}

std::int16_t FakeDisk::carry_out(std::uint8_t operation, std::uint64_t sector,
                                 std::span<const blkif_request_segment> pages) {
  operations.push_back(operation);
  most_pages_seen = std::max(most_pages_seen, pages.size());
  if (fault)
    if (const std::int16_t status = fault(sector); status != BLKIF_RSP_OKAY)
      return status;
  if (operation == BLKIF_OP_FLUSH_DISKCACHE)
    return shape_.flush ? BLKIF_RSP_OKAY : BLKIF_RSP_EOPNOTSUPP;
  const bool read = operation == BLKIF_OP_READ;
  std::uint64_t at = sector * shape_.unit;
  for (const auto& [gref, first, last] : pages) {
    std::byte* page = map(gref, read);
    const std::size_t from = std::size_t{first} * shape_.unit;
    const std::size_t size = (std::size_t{last} + 1) * shape_.unit - from;
    // As a device of larger blocks would.
    if (page == nullptr || from + size > page_size || at % shape_.sector_size != 0 || size % shape_.sector_size != 0 ||
        at + size > bytes.size())
      return BLKIF_RSP_ERROR;
    if (read)
      std::memcpy(page + from, bytes.data() + at, size);
    else
      std::memcpy(bytes.data() + at, page + from, size);
    if (hold_grants)
      xen_.entries[gref].flags |= GTF_reading | GTF_writing;
    at += size;
  }
  return BLKIF_RSP_OKAY;
}

void FakeDisk::serve() {
  if (ring_pages_.empty())
    return;
  auto* ring = reinterpret_cast<blkif_sring_t*>(ring_pages_.front());
  const auto size = static_cast<std::uint32_t>(__RING_SIZE(ring, page_size * ring_pages_.size()));
  const std::uint32_t waiting = ring->req_prod - req_cons_;
  if (waiting == 0)
    return;
  deepest_queue = std::max<std::size_t>(deepest_queue, waiting);
  std::vector<blkif_request_t> requests;
  for (; req_cons_ != ring->req_prod; ++req_cons_)
    requests.push_back(ring->ring[req_cons_ & (size - 1)].req);
  ring->req_event = req_cons_ + 1;
  if (backwards)
    std::ranges::reverse(requests);
  for (const blkif_request_t& request : requests) {
    blkif_response_t response{.id = request.id, .operation = request.operation, .status = BLKIF_RSP_OKAY};
    if (request.operation == BLKIF_OP_INDIRECT) {
      blkif_request_indirect_t indirect;
      std::memcpy(&indirect, &request, sizeof indirect);
      response.id = indirect.id;
      const std::byte* page = map(indirect.indirect_grefs[0], false);
      if (page != nullptr)
        last_list.assign(page, page + page_size);
      const auto* list = reinterpret_cast<const blkif_request_segment*>(page);
      response.status = list == nullptr || indirect.nr_segments > shape_.indirect_segments
                            ? std::int16_t{BLKIF_RSP_ERROR}
                            : carry_out(indirect.indirect_op, indirect.sector_number, {list, indirect.nr_segments});
    } else {
      response.status = carry_out(request.operation, request.sector_number, {request.seg, request.nr_segments});
    }
    if (tamper)
      tamper(response);
    ring->ring[rsp_prod_++ & (size - 1)].rsp = response;
  }
  ring->rsp_prod = rsp_prod_ + claim_more;
  xen_.raise(port_);
}

} // namespace pvboot::xen
