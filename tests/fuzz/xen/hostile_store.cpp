#include "hostile_store.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

namespace {

using namespace std::string_literals;

// What values and errors look like to a client, well or badly made.
const std::string numbers[] = {"4"s,  "51712"s, ""s,     "18446744073709551615"s, "18446744073709551616"s, "x1"s,
                               "-1"s, "\0"s,    "0x10"s, std::string(4096, '1')};
const std::string transactions[] = {"7\0"s, "0\0"s, "4294967296\0"s, "7"s, ""s, "-7\0"s};
const std::string lists[] = {"a\0b\0"s, ""s, "\0"s, "a"s, "\0\0\0a\0"s, std::string(4096, 'n')};
const std::string errors[] = {"ENOENT\0"s, "EAGAIN\0"s, "EACCES\0"s, "EINVAL"s, ""s, "\0ENOENT"s, "EWEIRD\0"s};
const std::string events[] = {"path\0token\0"s, "path\0token"s, "path\0"s, ""s, "\0\0"s, "p\0t\0more\0"s};
constexpr std::size_t most_outgoing = 1 << 16;
constexpr std::uint32_t jumps[] = {1, 1023, 1024, 1025, 2048, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffc00};

} // namespace

HostileStore::HostileStore(WatchedXen& watched, Script script) : watched_(watched), script_(script) {
  ring.req_cons = ring.req_prod = ring.rsp_cons = ring.rsp_prod = script_.flag() ? 0xffffffe0u : 0u;
  if (script_.flag())
    bytes_a_step_ = 1u + script_.byte();
}

std::optional<HostileStore::Answer> HostileStore::last_answer() const {
  const auto found = answers_.find(last_taken_);
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

void HostileStore::act() {
  const std::uint8_t how = script_.byte();
  if (outgoing_.size() > most_outgoing) {
    // It has said enough for now.
  } else if (how % 4 == 0) {
    take(SIZE_MAX);
    while (!requests_.empty())
      answer_as_usual();
  } else {
    be_hostile(how / 4);
  }
  deliver();
}

void HostileStore::be_hostile(std::uint8_t how) {
  FakeXen& xen = watched_.xen;
  switch (how % 20) {
  case 0: break;
  case 1: take(1u + script_.byte()); break;
  case 2: take(SIZE_MAX); break;
  case 3:
    if (!requests_.empty())
      answer_as_usual();
    break;
  case 4: say(XS_WATCH_EVENT, script_.byte(), script_.one_of(events)); break;
  case 5:
    for (unsigned left = script_.byte(); left != 0; --left)
      say(XS_WATCH_EVENT, 0, "flood\0"s + static_cast<char>('a' + left % 26) + '\0');
    break;
  case 6:
    if (!requests_.empty())
      answer(requests_.front(), XS_ERROR, script_.one_of(errors));
    break;
  case 7:
    if (!requests_.empty())
      answer(requests_.front(), script_.flag() ? requests_.front().type : script_.byte(), some_payload());
    break;
  case 8: // to a request of before, of later, or of nobody
    well_formed_ = false;
    say(script_.byte() % 24, last_taken_ + static_cast<std::uint32_t>(static_cast<std::int8_t>(script_.byte())),
        some_payload());
    break;
  case 9: say(script_.byte(), 0, some_payload()); break;
  case 10: { // a header alone
    well_formed_ = false;
    const xsd_sockmsg header{.type = script_.byte(),
                             .req_id = last_taken_ + script_.byte() % 3u,
                             .tx_id = 0,
                             .len = script_.flag() ? script_.number<std::uint32_t>() : script_.byte()};
    const char* bytes = reinterpret_cast<const char*>(&header);
    outgoing_.insert(outgoing_.end(), bytes, bytes + sizeof header);
    break;
  }
  case 11:
    well_formed_ = false;
    for (unsigned left = script_.byte(); left != 0; --left)
      outgoing_.push_back(static_cast<char>(script_.byte()));
    break;
  case 12:
    well_formed_ = false;
    outgoing_.resize(outgoing_.size() / 2);
    break;
  case 13: move_an_index(); break;
  case 14: // the client's bytes under its hands, and ours after they were sent
    well_formed_ = false;
    ring.rsp[script_.number<std::uint16_t>() % sizeof ring.rsp] = static_cast<char>(script_.byte());
    ring.req[script_.number<std::uint16_t>() % sizeof ring.req] = static_cast<char>(script_.byte());
    break;
  case 15: xen.raise(port); break;
  case 16: xen.sends_fail = script_.byte() % 8 == 1; break;
  case 17: watched_.jump(milliseconds(script_.byte() * 100u)); break;
  case 18: bytes_a_step_ = 1u + script_.byte() * 8u; break;
  case 19: bytes_a_step_ = SIZE_MAX; break;
  }
}

void HostileStore::move_an_index() {
  well_formed_ = false;
  XENSTORE_RING_IDX* indices[] = {&ring.rsp_prod, &ring.req_cons, &ring.req_prod, &ring.rsp_cons};
  XENSTORE_RING_IDX& index = *script_.one_of(indices);
  index = script_.flag() ? index + script_.one_of(jumps) : index + script_.byte();
  watched_.xen.raise(port);
}

// Moves so many bytes of requests out of the ring; whole ones are then there to be answered.
void HostileStore::take(std::size_t most) {
  if (ring.req_prod - ring.req_cons > sizeof ring.req)
    return;
  for (; ring.req_cons != ring.req_prod && most != 0; --most) {
    incoming_ += ring.req[MASK_XENSTORE_IDX(ring.req_cons)];
    ++ring.req_cons;
    watched_.xen.raise(port);
  }
  xsd_sockmsg header;
  while (incoming_.size() >= sizeof header) {
    std::memcpy(&header, incoming_.data(), sizeof header);
    if (well_formed_) {
      require(header.len <= XENSTORE_PAYLOAD_MAX);
      require(header.req_id == last_taken_ + 1 && header.type <= XS_RESET_WATCHES);
    }
    if (incoming_.size() - sizeof header < header.len)
      break;
    incoming_.erase(0, sizeof header + header.len);
    requests_.push_back(header);
    last_taken_ = header.req_id;
  }
}

void HostileStore::deliver() {
  if (ring.rsp_prod - ring.rsp_cons > sizeof ring.rsp)
    return;
  for (std::size_t moved = 0; moved < bytes_a_step_ && !outgoing_.empty(); ++moved) {
    if (ring.rsp_prod - ring.rsp_cons == sizeof ring.rsp)
      break;
    ring.rsp[MASK_XENSTORE_IDX(ring.rsp_prod)] = outgoing_.front();
    outgoing_.pop_front();
    ++ring.rsp_prod;
    watched_.xen.raise(port);
  }
}

void HostileStore::say(std::uint32_t type, std::uint32_t req_id, const std::string& payload) {
  const xsd_sockmsg header{
      .type = type, .req_id = req_id, .tx_id = 0, .len = static_cast<std::uint32_t>(payload.size())};
  const char* bytes = reinterpret_cast<const char*>(&header);
  outgoing_.insert(outgoing_.end(), bytes, bytes + sizeof header);
  outgoing_.insert(outgoing_.end(), payload.begin(), payload.end());
}

// The request may stay in the list, to be answered once more.
void HostileStore::answer(const xsd_sockmsg& request, std::uint32_t type, const std::string& payload) {
  if (type != XS_WATCH_EVENT)
    answers_.try_emplace(request.req_id, Answer{type, payload});
  say(type, request.req_id, payload);
  if (script_.byte() % 8 != 1)
    requests_.pop_front();
}

void HostileStore::answer_as_usual() {
  const xsd_sockmsg request = requests_.front();
  const std::string payload = usual_payload(request.type);
  answers_.try_emplace(request.req_id, Answer{request.type, payload});
  say(request.type, request.req_id, payload);
  requests_.pop_front();
  if (request.type == XS_WATCH)
    say(XS_WATCH_EVENT, 0, events[0]);
}

std::string HostileStore::usual_payload(std::uint32_t type) {
  switch (type) {
  case XS_READ: return script_.one_of(numbers);
  case XS_DIRECTORY: return script_.one_of(lists);
  case XS_TRANSACTION_START: return script_.one_of(transactions);
  default: return "OK\0"s;
  }
}

std::string HostileStore::some_payload() {
  if (script_.flag())
    return script_.one_of(numbers);
  std::string bytes(script_.byte(), '\0');
  for (char& c : bytes)
    c = static_cast<char>(script_.byte());
  return bytes;
}

} // namespace pvboot::xen
