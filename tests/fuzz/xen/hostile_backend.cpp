#include "hostile_backend.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace pvboot::xen {

namespace {

constexpr int initialising = 1, init_wait = 2, initialised = 3, connected = 4, closing = 5, closed = 6;
constexpr std::size_t most_outgoing = 1 << 10; // the store does not take more of a backend's writes

const char* const states[] = {"1", "2", "3", "4", "5", "6", "7", "8", "0", "9", "", "x", "18446744073709551620"};
const char* const keys[] = {"sectors",
                            "sector-size",
                            "info",
                            "feature-max-indirect-segments",
                            "max-ring-page-order",
                            "feature-flush-cache",
                            "feature-barrier"};
const char* const values[] = {"0",    "1",    "2",     "4",   "8",          "11",         "12",
                              "32",   "256",  "257",   "512", "1024",       "4096",       "8192",
                              "3",    "-1",   "",      "x\n", "4294967295", "4294967297", "18446744073709551615",
                              "2048", "2000", "0x1000"};

} // namespace

HostileBackend::HostileBackend(WatchedXen& watched, FakeStore& store, Script& script, unsigned vdev)
    : watched_(watched), store_(store), script_(script), vdev_(vdev) {
  auto& all = store.values;
  all[frontend() + "/backend"] = backend();
  all[frontend() + "/backend-id"] = "0";
  all[frontend() + "/virtual-device"] = std::to_string(vdev);
  all[frontend() + "/device-type"] = "disk";
  all[frontend() + "/state"] = "1";
  all[backend() + "/state"] = "1";
  all[backend() + "/sectors"] = "2048";
  all[backend() + "/sector-size"] = "512";
  counts_in_blocks_ = script.flag();
  if (script.flag()) { // it was told more before we came, and somebody was here
    for (unsigned left = script.byte() % 6; left != 0; --left)
      change_a_key();
    all[frontend() + "/state"] = script.one_of(states);
    if (get(frontend() + "/state") != "1") {
      all[frontend() + "/ring-ref"] = "5";
      all[frontend() + "/event-channel"] = script.one_of(values);
    }
  }
}

void HostileBackend::act() {
  look_for_requests();
  check_held();
  const std::uint8_t how = script_.byte();
  switch (how % 4) {
  case 0:
    if (!asleep_)
      be_honest();
    break;
  case 1: be_hostile_on_the_ring(how / 4); break;
  case 2: be_hostile_in_the_store(how / 4); break;
  default: break;
  }
}

void HostileBackend::be_honest() {
  look_for_requests();
  follow_states();
  if (state() == connected)
    serve_all();
}

void HostileBackend::race() {
  look_for_requests();
  const std::uint8_t how = script_.byte();
  if (how % 2 != 0)
    be_hostile_on_the_ring(how / 2);
  else if (!asleep_)
    serve_all();
}

void HostileBackend::be_hostile_in_the_store(std::uint8_t how) {
  if (store_.outgoing.size() > most_outgoing)
    return;
  switch (how % 12) {
  case 0:
  case 1: set_state(script_.one_of(states)); break;
  case 2: store_.values.erase(backend() + "/state"); break;
  case 3:
  case 4: change_a_key(); break;
  case 5:
    for (unsigned left = script_.byte() % 4; left != 0; --left)
      set_state(get(backend() + "/state"));
    break;
  case 6: asleep_ = !asleep_; break;
  case 7: keeps_ = !keeps_; break;
  case 8: watched_.jump(milliseconds(script_.byte())); break;
  case 9:
    describe_otherwise();
    std::erase_if(store_.values, [&](const auto& entry) { return entry.first.starts_with(backend()); });
    break;
  case 10: write_everywhere(); break;
  case 11: raise(); break;
  }
}

void HostileBackend::change_a_key() {
  describe_otherwise();
  const std::string key = backend() + "/" + script_.one_of(keys);
  if (const char* value = script_.one_of(values); script_.byte() % 8 != 1)
    store_.values[key] = value;
  else
    store_.values.erase(key);
}

void HostileBackend::set_state(const std::string& state) {
  described_ = described_ || state == "4";
  store_.set(backend() + "/state", state);
}

void HostileBackend::follow_states() {
  const int theirs = std::atoi(get(frontend() + "/state").c_str());
  const int ours = state();
  described_ = described_ && theirs != initialising;
  if (ours == initialising || (ours == closed && theirs == initialising)) {
    set_state("2");
  } else if (ours == init_wait && (theirs == initialised || theirs == connected)) {
    connect();
  } else if (theirs == closing && ours != closing && ours != closed) {
    set_state("5");
  } else if (theirs == closed && ours != closed) {
    let_go_of_the_ring();
    set_state("6");
  }
}

void HostileBackend::connect() {
  let_go_of_the_ring();
  const std::string keys_of = frontend() + "/";
  const std::string order_text = get(keys_of + "ring-page-order");
  const auto order = order_text.empty() ? 0 : parse_number(order_text).value_or(99);
  if (order > 2)
    return set_state("5");
  for (unsigned i = 0; i < 1u << order; ++i) {
    const auto ref = parse_number(get(keys_of + (order_text.empty() ? "ring-ref" : "ring-ref" + std::to_string(i))));
    std::byte* page = ref && *ref < watched_.xen.entries.size() ? hold(static_cast<grant_ref_t>(*ref)) : nullptr;
    if (page == nullptr || (i != 0 && page != ring_pages_.back() + page_size)) {
      let_go_of_the_ring();
      return set_state("5");
    }
    require(!watched_.unanswered.contains(static_cast<grant_ref_t>(*ref)));
    ring_refs_.push_back(static_cast<grant_ref_t>(*ref));
    ring_pages_.push_back(page);
  }
  const auto port = parse_number(get(keys_of + "event-channel")).value_or(0);
  const EventPort before =
      std::exchange(port_, EventPort{static_cast<evtchn_port_t>(port < EVTCHN_2L_NR_CHANNELS ? port : 0)});
  // The frontend has a new port for each connection. References in requests of an earlier one stay unanswered.
  if (port_ != before)
    requests_.clear();
  const auto block = parse_number(get(backend() + "/sector-size")).value_or(512);
  // On a ring that it had before, it goes on where that is.
  req_cons_ = ring()->req_prod;
  rsp_prod_ = ring()->rsp_prod;
  unit_ = counts_in_blocks_ && block <= page_size ? std::max<std::uint64_t>(block, 1) : 512;
  set_state("4");
}

void HostileBackend::let_go_of_the_ring() {
  if (!keeps_)
    for (const grant_ref_t ref : ring_refs_)
      release(ref);
  ring_refs_.clear();
  ring_pages_.clear();
  false_req_prod_.reset();
}

std::byte* HostileBackend::map(grant_ref_t ref, bool write) {
  if (ref >= watched_.xen.entries.size())
    return nullptr;
  const grant_entry_v1_t& entry = watched_.xen.entries[ref];
  if ((entry.flags & GTF_type_mask) != GTF_permit_access || entry.domid != 0 ||
      (write && (entry.flags & GTF_readonly) != 0))
    return nullptr;
  std::byte* page = watched_.xen.frames.page_of(entry.frame);
  return is_lost(page) ? nullptr : page;
}

std::byte* HostileBackend::hold(grant_ref_t ref) {
  if (const auto found = held_.find(ref); found != held_.end())
    return found->second.page;
  std::byte* page = map(ref, false);
  if (page == nullptr)
    return nullptr;
  grant_entry_v1_t& entry = watched_.xen.entries[ref];
  const bool writes = (entry.flags & GTF_readonly) == 0;
  entry.flags = static_cast<std::uint16_t>(entry.flags | GTF_reading | (writes ? GTF_writing : 0));
  held_[ref] = {entry.frame, entry.flags, page};
  ++watched_.mappings[ref];
  return page;
}

void HostileBackend::release(grant_ref_t ref) {
  if (held_.erase(ref) != 0 && --watched_.mappings[ref] == 0)
    watched_.xen.entries[ref].flags &= static_cast<std::uint16_t>(~(GTF_reading | GTF_writing));
}

bool HostileBackend::is_of_the_ring(grant_ref_t ref) const {
  return std::ranges::find(ring_refs_, ref) != ring_refs_.end();
}

void HostileBackend::release_everything() {
  std::vector<grant_ref_t> refs;
  for (const auto& [ref, held] : held_)
    if (!is_of_the_ring(ref))
      refs.push_back(ref);
  for (const grant_ref_t ref : refs)
    release(ref);
}

void HostileBackend::write_everywhere() {
  for (const auto& [ref, held] : held_) {
    const bool may_write = (held.flags & GTF_writing) != 0;
    if (is_lost(held.page) || is_of_the_ring(ref))
      continue;
    // Through a volatile: whether the page is still there is the question.
    volatile auto* at = reinterpret_cast<unsigned char*>(held.page + page_size - 1);
    honest_ = honest_ && !may_write;
    if (const unsigned char last = *at; may_write)
      *at = static_cast<unsigned char>(~last);
  }
}

void HostileBackend::check_held() const {
  for (const auto& [ref, held] : held_) {
    const grant_entry_v1_t& entry = watched_.xen.entries[ref];
    require(entry.frame == held.frame && entry.flags == held.flags);
  }
}

} // namespace pvboot::xen
