#include "fake_store.hpp"

#include <algorithm>
#include <cstring>

namespace pvboot::xen {

FakeStore::FakeStore(FakeXen& xen, std::uint32_t first_index) : xen_(xen) {
  ring.req_cons = ring.req_prod = ring.rsp_cons = ring.rsp_prod = first_index;
  xen.peers.push_back(this);
}

void FakeStore::set(const std::string& path, const std::string& value) {
  values[path] = value;
  fire(path);
}

std::string FakeStore::get(const std::string& path) const {
  const auto found = values.find(path);
  return found == values.end() ? std::string() : found->second;
}

void FakeStore::fire(const std::string& path) {
  for (const auto& [watched, token] : watches)
    if (path == watched || path.starts_with(watched + "/"))
      say(XS_WATCH_EVENT, 0, path + '\0' + token + '\0');
}

void FakeStore::say(std::uint32_t type, std::uint32_t req_id, const std::string& payload) {
  Message message{{.type = type, .req_id = req_id, .tx_id = 0, .len = static_cast<std::uint32_t>(payload.size())},
                  payload};
  if (tamper)
    tamper(message);
  const char* header = reinterpret_cast<const char*>(&message.header);
  outgoing.insert(outgoing.end(), header, header + sizeof message.header);
  outgoing.insert(outgoing.end(), message.payload.begin(), message.payload.end());
}

void FakeStore::run() {
  if (silent)
    return;
  take_requests();
  give_answers();
}

void FakeStore::take_requests() {
  for (std::size_t moved = 0; ring.req_cons != ring.req_prod && moved < bytes_a_run; ++moved) {
    incoming_ += ring.req[MASK_XENSTORE_IDX(ring.req_cons)];
    ++ring.req_cons;
    xen_.raise(port);
  }
  Message message;
  while (incoming_.size() >= sizeof message.header) {
    std::memcpy(&message.header, incoming_.data(), sizeof message.header);
    if (incoming_.size() < sizeof message.header + message.header.len)
      break;
    message.payload = incoming_.substr(sizeof message.header, message.header.len);
    incoming_.erase(0, sizeof message.header + message.header.len);
    requests.push_back(message.header);
    if (!deaf)
      answer(message);
  }
}

void FakeStore::give_answers() {
  if (asleep_since_ == xen_.sends)
    return;
  asleep_since_.reset();
  for (std::size_t moved = 0; !outgoing.empty() && moved < bytes_a_run; ++moved) {
    if (ring.rsp_prod - ring.rsp_cons == sizeof ring.rsp) {
      asleep_since_ = xen_.sends;
      break;
    }
    ring.rsp[MASK_XENSTORE_IDX(ring.rsp_prod)] = outgoing.front();
    outgoing.pop_front();
    ++ring.rsp_prod;
    xen_.raise(port);
  }
}

void FakeStore::answer(const Message& m) {
  const std::uint32_t id = m.header.req_id;
  const std::size_t end = std::min(m.payload.find('\0'), m.payload.size());
  const std::string path = m.payload.substr(0, end);
  const std::string rest = end < m.payload.size() ? m.payload.substr(end + 1) : "";
  const auto ok = [&](const std::string& payload = std::string("OK") + '\0') { say(m.header.type, id, payload); };
  const auto error = [&](const std::string& name) { say(XS_ERROR, id, name + '\0'); };
  switch (m.header.type) {
  case XS_READ:
    if (const auto own = uncommitted_.find(path); m.header.tx_id != 0 && own != uncommitted_.end())
      return ok(own->second);
    return has(path) ? ok(values[path]) : error("ENOENT");
  case XS_WRITE:
    if (read_only.contains(path))
      return error("EACCES");
    if (m.header.tx_id != 0)
      uncommitted_[path] = rest;
    else
      values[path] = rest;
    ok();
    return m.header.tx_id == 0 ? fire(path) : void();
  case XS_MKDIR: values.try_emplace(path); return ok();
  case XS_RM: {
    const auto erased = std::erase_if(
        values, [&](const auto& entry) { return entry.first == path || entry.first.starts_with(path + "/"); });
    return erased != 0 ? ok() : error("ENOENT");
  }
  case XS_DIRECTORY: {
    std::string names;
    std::string last;
    for (const auto& [key, value] : values)
      if (key.starts_with(path + "/")) {
        const std::string name = key.substr(path.size() + 1, key.find('/', path.size() + 1) - path.size() - 1);
        if (name != std::exchange(last, name))
          names += name + '\0';
      }
    return names.empty() && !has(path) ? error("ENOENT") : ok(names);
  }
  case XS_TRANSACTION_START: return ok(std::string("7") + '\0');
  case XS_TRANSACTION_END: return end_transaction(id, path == "T");
  case XS_WATCH: {
    const std::string token = rest.substr(0, rest.find('\0'));
    watches.emplace_back(path, token);
    ok();
    return say(XS_WATCH_EVENT, 0, path + '\0' + token + '\0');
  }
  case XS_UNWATCH: std::erase_if(watches, [&](const auto& w) { return w.first == path; }); return ok();
  case XS_RESET_WATCHES: watches.clear(); return ok();
  default: return error("ENOSYS");
  }
}

void FakeStore::end_transaction(std::uint32_t req_id, bool commit) {
  const auto written = std::exchange(uncommitted_, {});
  if (commit && conflicts != 0) {
    --conflicts;
    return say(XS_ERROR, req_id, std::string("EAGAIN") + '\0');
  }
  say(XS_TRANSACTION_END, req_id, std::string("OK") + '\0');
  for (const auto& [path, value] : written)
    if (commit)
      set(path, value);
}

} // namespace pvboot::xen
