// What a HostileBackend does on the ring.
#include "hostile_backend.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {

constexpr std::uint32_t jumps[] = {1, 2, 31, 32, 33, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
constexpr std::int16_t statuses[] = {BLKIF_RSP_ERROR, BLKIF_RSP_EOPNOTSUPP, 1, -32768, 32767};
constexpr std::uint64_t ids[] = {0, 1, 31, 32, 128, 0xffffffff, 0x100000000, ~std::uint64_t{0}};

} // namespace

void HostileBackend::be_hostile_on_the_ring(std::uint8_t how) {
  blkif_sring_t* shared = ring();
  if (shared == nullptr)
    return;
  switch (how % 16) {
  case 0: raise(); break;
  case 1:
  case 2:
  case 3:
  case 4:
  case 5: answer_wrongly(how); break;
  case 6: // one that was given already, or to a request that is yet to come
    honest_ = false;
    put_response(last_response_);
    break;
  case 7: // answers that it did not give
    shared->rsp_prod = rsp_prod_ + (script_.flag() ? script_.one_of(jumps) : script_.number<std::uint32_t>());
    forget_what_is_answered();
    raise();
    break;
  case 8: (script_.flag() ? shared->req_event : shared->rsp_event) = req_cons_ + script_.one_of(jumps); break;
  case 9:
    meddled_ = true;
    shared->req_prod = *(false_req_prod_ = req_cons_ + script_.one_of(jumps));
    break;
  case 10: // anywhere among the answers
    ring_pages_[script_.byte() % ring_pages_.size()][64 + script_.number<std::uint16_t>() % (page_size - 64)] =
        static_cast<std::byte>(script_.byte());
    forget_what_is_answered();
    break;
  case 11:
    if (!requests_.empty())
      for (const auto& page : requests_[script_.byte() % requests_.size()].pages)
        hold(page.gref);
    break;
  case 12: hold(script_.byte()); break;
  case 13: write_everywhere(); break;
  case 14: release_everything(); break;
  case 15:
    std::ranges::reverse(requests_);
    serve_all();
    break;
  }
}

// To one of the requests that are there.
void HostileBackend::answer_wrongly(std::uint8_t how) {
  if (requests_.empty())
    return;
  const std::size_t which = script_.byte() % requests_.size();
  const Request& request = requests_[which];
  blkif_response_t response{.id = request.id, .operation = request.operation, .status = BLKIF_RSP_OKAY};
  switch (how % 16) {
  case 1: response.status = carry_out(request); break; // before its time
  case 2: response.status = script_.one_of(statuses); break;
  case 3: response.id = script_.flag() ? script_.one_of(ids) : script_.byte(); break;
  case 4: response.operation = script_.byte(); break;
  case 5: // it keeps what it should let go
    response.status = carry_out(request);
    for (const auto& page : request.pages)
      hold(page.gref);
    break;
  }
  honest_ = honest_ && how % 16 == 1;
  answer(which, response);
}

blkif_sring_t* HostileBackend::ring() const {
  const bool there = !ring_pages_.empty() && !is_lost(ring_pages_.front());
  return there ? reinterpret_cast<blkif_sring_t*>(ring_pages_.front()) : nullptr;
}

std::uint32_t HostileBackend::ring_size() const {
  return static_cast<std::uint32_t>(__RING_SIZE(ring(), page_size * ring_pages_.size()));
}

// All that was published since the last time. They are copied before anything is written into the ring.
void HostileBackend::look_for_requests() {
  blkif_sring_t* shared = ring();
  if (shared == nullptr || false_req_prod_ == shared->req_prod)
    return;
  false_req_prod_.reset();
  if (shared->req_prod - req_cons_ > ring_size())
    return require(meddled_);
  for (; req_cons_ != shared->req_prod; ++req_cons_)
    requests_.push_back(read_request(shared->ring[req_cons_ & (ring_size() - 1)].req));
  shared->req_event = req_cons_ + 1;
}

HostileBackend::Request HostileBackend::read_request(const blkif_request_t& raw) {
  Request request{.id = raw.id, .operation = raw.operation, .inner = raw.operation, .sector = raw.sector_number};
  if (raw.operation == BLKIF_OP_INDIRECT) {
    blkif_request_indirect_t indirect;
    std::memcpy(&indirect, &raw, sizeof indirect);
    request.id = indirect.id;
    request.inner = indirect.indirect_op;
    request.sector = indirect.sector_number;
    // The frontend may have taken it all back by now.
    const std::byte* list = map(indirect.indirect_grefs[0], false);
    request.sound = list != nullptr && indirect.nr_segments <= page_size / sizeof(blkif_request_segment);
    require(request.sound || list == nullptr || meddled_);
    if (request.sound) {
      request.pages.resize(indirect.nr_segments);
      std::memcpy(request.pages.data(), list, indirect.nr_segments * sizeof(blkif_request_segment));
    }
  } else {
    request.sound = raw.nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST;
    require(request.sound || meddled_);
    if (request.sound)
      request.pages.assign(raw.seg, raw.seg + raw.nr_segments);
  }
  check_references(request);
  return request;
}

void HostileBackend::check_references(const Request& request) {
  const bool moves = request.inner == BLKIF_OP_READ || request.inner == BLKIF_OP_WRITE;
  const bool known = moves || request.inner == BLKIF_OP_FLUSH_DISKCACHE || request.inner == BLKIF_OP_WRITE_BARRIER;
  bool holds = known && (!moves || !request.sound || !request.pages.empty());
  for (const auto& page : request.pages) {
    holds = holds && page.gref >= GNTTAB_NR_RESERVED_ENTRIES && page.gref < watched_.xen.entries.size();
    holds = holds && page.first_sect <= page.last_sect && page.last_sect < 8;
    holds = watched_.unanswered.insert(page.gref).second && holds;
  }
  // Where it has meddled, it may see what is no request.
  require(holds || meddled_);
}

void HostileBackend::serve_all() {
  while (ring() != nullptr && !requests_.empty()) {
    const Request& request = requests_.front();
    const std::int16_t status = carry_out(request);
    answer(0, {.id = request.id, .operation = request.operation, .status = status});
  }
}

std::int16_t HostileBackend::carry_out(const Request& request) {
  if (request.inner == BLKIF_OP_FLUSH_DISKCACHE)
    return BLKIF_RSP_OKAY;
  if (!request.sound)
    return BLKIF_RSP_ERROR;
  const std::uint64_t block = parse_number(get(backend() + "/sector-size")).value_or(512);
  std::uint64_t at = request.sector * unit_;
  for (const auto& [gref, first, last] : request.pages) {
    const bool read = request.inner == BLKIF_OP_READ;
    std::byte* page = map(gref, read);
    const std::uint64_t from = first * unit_;
    const std::uint64_t size = (last + 1u) * unit_ - from;
    // As a device of larger blocks would.
    if (page == nullptr || from + size > page_size || block == 0 || at % block != 0 || size % block != 0)
      return BLKIF_RSP_ERROR;
    for (std::uint64_t done = 0; read && done + 512 <= size; done += 512) {
      const std::uint64_t mark = mark_of(at + done);
      std::memcpy(page + from + done, &mark, sizeof mark);
    }
    at += size;
  }
  return BLKIF_RSP_OKAY;
}

void HostileBackend::answer(std::size_t which, const blkif_response_t& response) {
  for (const auto& page : requests_[which].pages)
    watched_.unanswered.erase(page.gref);
  requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(which));
  put_response(response);
}

// Whatever request it names counts as answered.
void HostileBackend::put_response(const blkif_response_t& response) {
  std::erase_if(requests_, [&](const Request& request) {
    if (request.id != response.id)
      return false;
    honest_ = false;
    for (const auto& page : request.pages)
      watched_.unanswered.erase(page.gref);
    return true;
  });
  last_response_ = response;
  blkif_sring_t* shared = ring();
  shared->ring[rsp_prod_++ & (ring_size() - 1)].rsp = response;
  shared->rsp_prod = rsp_prod_;
  raise();
}

// What lies in the ring may now look like an answer to anything.
void HostileBackend::forget_what_is_answered() {
  honest_ = false;
  for (const Request& request : requests_)
    for (const auto& page : request.pages)
      watched_.unanswered.erase(page.gref);
}

} // namespace pvboot::xen
