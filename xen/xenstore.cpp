#include "xen/xenstore.hpp"

#include "base/text.hpp"
#include "xen/shared_ring.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace pvboot::xen {

namespace {

// Numbers are short; a longer value is none.
constexpr std::size_t longest_number = 20;

std::string terminated(std::string_view text) { return std::string(text) + '\0'; }
std::string_view first_string(std::string_view payload) { return payload.substr(0, payload.find('\0')); }

// The names of the store's errors are its protocol [xen/io/xs_wire.h: xsd_errors].
Error error_named(std::string_view name) {
  struct Meaning {
    std::string_view name;
    Code code;
    const char* message;
  };
  constexpr std::array meanings = {
      Meaning{"ENOENT", Code::not_found, "no such key in xenstore"},
      Meaning{"EACCES", Code::denied, "xenstore denies access (EACCES)"},
      Meaning{"EPERM", Code::denied, "xenstore does not permit this (EPERM)"},
      Meaning{"EROFS", Code::denied, "xenstore is read-only (EROFS)"},
      Meaning{"EEXIST", Code::denied, "the key or watch exists already (EEXIST)"},
      Meaning{"EBUSY", Code::denied, "xenstore is busy (EBUSY)"},
      Meaning{"ENOSPC", Code::too_large, "the guest's quota in xenstore is used up (ENOSPC)"},
      Meaning{"E2BIG", Code::too_large, "too large for xenstore (E2BIG)"},
      Meaning{"ENOMEM", Code::out_of_memory, "xenstore is out of memory (ENOMEM)"},
      Meaning{"EINVAL", Code::invalid, "xenstore refuses the request (EINVAL)"},
      Meaning{"ENOSYS", Code::unsupported, "xenstore does not know the request (ENOSYS)"},
  };
  for (const Meaning& m : meanings)
    if (m.name == name)
      return {m.code, m.message};
  return {Code::io, "xenstore reports an error"};
}

} // namespace

XenStore::XenStore(xenstore_domain_interface& ring, EventPort port, EventChannels& events, const Clock& clock)
    : ring_(ring), port_(port), events_(events), clock_(clock) {}

std::unexpected<Error> XenStore::give_up(const char* why) {
  broken_ = true;
  return fail(Code::gone, why, "xenstore");
}

// Every byte goes out or the store is given up: half a request cannot be taken back.
Result<void> XenStore::send(std::string_view bytes, Instant deadline) {
  while (!bytes.empty()) {
    const XENSTORE_RING_IDX prod = ring_.req_prod;
    const XENSTORE_RING_IDX used = prod - load(ring_.req_cons);
    if (used > sizeof ring_.req)
      return give_up("it has moved its ring index out of range");
    const XENSTORE_RING_IDX at = MASK_XENSTORE_IDX(prod);
    const std::size_t count =
        std::min({bytes.size(), sizeof ring_.req - used, sizeof ring_.req - static_cast<std::size_t>(at)});
    if (count == 0) {
      if (clock_.now() >= deadline)
        return give_up("it does not take requests");
      events_.wait(port_, deadline);
      continue;
    }
    std::memcpy(ring_.req + at, bytes.data(), count);
    store(ring_.req_prod, prod + static_cast<XENSTORE_RING_IDX>(count));
    bytes.remove_prefix(count);
    if (!events_.send(port_))
      return give_up("its event channel does not work");
  }
  return {};
}

// Up to `size` bytes of what is there; 0 when nothing is.
Result<std::size_t> XenStore::take(char* to, std::size_t size) {
  const XENSTORE_RING_IDX cons = ring_.rsp_cons;
  const XENSTORE_RING_IDX there = load(ring_.rsp_prod) - cons;
  if (there > sizeof ring_.rsp)
    return give_up("it has moved its ring index out of range");
  const XENSTORE_RING_IDX at = MASK_XENSTORE_IDX(cons);
  const std::size_t count =
      std::min({size, static_cast<std::size_t>(there), sizeof ring_.rsp - static_cast<std::size_t>(at)});
  if (count == 0)
    return 0;
  std::memcpy(to, ring_.rsp + at, count);
  store(ring_.rsp_cons, cons + static_cast<XENSTORE_RING_IDX>(count));
  // A writer that finds the ring full sleeps; it may have filled it since we looked.
  xen_mb();
  if (load(ring_.rsp_prod) - cons >= sizeof ring_.rsp && !events_.send(port_))
    return give_up("its event channel does not work");
  return count;
}

// Goes on with the message that is coming in: true when it is whole.
Result<bool> XenStore::receive_some() {
  while (header_bytes_ < sizeof incoming_) {
    const std::size_t count =
        TRY(take(reinterpret_cast<char*>(&incoming_) + header_bytes_, sizeof incoming_ - header_bytes_));
    if (count == 0)
      return false;
    header_bytes_ += count;
    if (header_bytes_ == sizeof incoming_) {
      if (incoming_.len > XENSTORE_PAYLOAD_MAX)
        return give_up("it sends a message over the protocol's limit");
      payload_.resize(incoming_.len);
      payload_bytes_ = 0;
    }
  }
  while (payload_bytes_ < payload_.size()) {
    const std::size_t count = TRY(take(payload_.data() + payload_bytes_, payload_.size() - payload_bytes_));
    if (count == 0)
      return false;
    payload_bytes_ += count;
  }
  header_bytes_ = 0;
  return true;
}

// "path\0token\0". Past the limit the oldest goes: watchers read what changed for themselves.
void XenStore::queue_event() {
  const std::size_t path_end = payload_.find('\0');
  if (path_end == std::string::npos)
    return;
  const std::size_t token_end = payload_.find('\0', path_end + 1);
  if (token_end == std::string::npos)
    return;
  if (watch_events_.size() == max_queued_events)
    watch_events_.erase(watch_events_.begin());
  watch_events_.push_back({payload_.substr(0, path_end), payload_.substr(path_end + 1, token_end - path_end - 1)});
}

Result<XenStore::Reply> XenStore::await_reply(std::uint32_t req_id, Instant deadline) {
  for (;;) {
    if (TRY(receive_some())) {
      if (incoming_.type == XS_WATCH_EVENT)
        queue_event();
      else if (incoming_.req_id == req_id)
        return Reply{incoming_.type, std::move(payload_)};
    }
    // Looked at after each message, so that a store that never stops talking is no endless loop either.
    else if (clock_.now() < deadline) {
      events_.wait(port_, deadline);
      continue;
    }
    if (clock_.now() >= deadline)
      return fail(Code::timed_out, "no answer in time", "xenstore");
  }
}

// The answer to one request: of the request's own type, or an XS_ERROR.
Result<XenStore::Reply> XenStore::exchange(xsd_sockmsg_type type, std::string_view payload, Transaction in,
                                           std::string_view place) {
  if (broken_)
    return fail(Code::gone, "given up earlier", "xenstore");
  if (payload.size() > XENSTORE_PAYLOAD_MAX)
    return fail(Code::too_large, "a xenstore request over 4096 bytes", printable(place));
  const xsd_sockmsg header{.type = static_cast<std::uint32_t>(type),
                           .req_id = next_req_id_++,
                           .tx_id = in.id,
                           .len = static_cast<std::uint32_t>(payload.size())};
  const Instant deadline = clock_.now() + reply_limit;
  TRY(send({reinterpret_cast<const char*>(&header), sizeof header}, deadline));
  TRY(send(payload, deadline));
  Reply reply = TRY_AT(await_reply(header.req_id, deadline), printable(place));
  if (reply.type != header.type && reply.type != XS_ERROR)
    return give_up("it answers another question than was asked");
  return reply;
}

Result<std::string> XenStore::request(xsd_sockmsg_type type, std::string_view payload, Transaction in,
                                      std::string_view place) {
  Reply reply = TRY(exchange(type, payload, in, place));
  if (reply.type == XS_ERROR)
    return std::unexpected(error_named(first_string(reply.payload)).at(printable(place)));
  return std::move(reply.payload);
}

Result<std::string> XenStore::read(std::string_view path, Transaction in) {
  return request(XS_READ, terminated(path), in, path);
}

Result<void> XenStore::write(std::string_view path, std::string_view value, Transaction in) {
  TRY(request(XS_WRITE, terminated(path).append(value), in, path));
  return {};
}

Result<void> XenStore::make_directory(std::string_view path, Transaction in) {
  TRY(request(XS_MKDIR, terminated(path), in, path));
  return {};
}

Result<void> XenStore::remove(std::string_view path, Transaction in) {
  auto reply = request(XS_RM, terminated(path), in, path);
  if (!reply && reply.error().code() != Code::not_found)
    return std::unexpected(std::move(reply).error());
  return {};
}

Result<std::vector<std::string>> XenStore::list(std::string_view path, Transaction in) {
  const std::string reply = TRY(request(XS_DIRECTORY, terminated(path), in, path));
  std::vector<std::string> names;
  for (std::string_view rest = reply; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (end != 0)
      names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

Result<std::uint64_t> XenStore::read_number(std::string_view path, Transaction in) {
  const std::string text = TRY(read(path, in));
  const auto number = text.size() <= longest_number ? parse_number(text) : std::nullopt;
  if (!number)
    return fail(Code::corrupt, "not a number", printable(path));
  return *number;
}

Result<std::uint64_t> XenStore::read_number_or(std::string_view path, std::uint64_t otherwise, Transaction in) {
  auto number = read_number(path, in);
  if (!number && number.error().code() == Code::not_found)
    return otherwise;
  return number;
}

Result<void> XenStore::write_number(std::string_view path, std::uint64_t value, Transaction in) {
  return write(path, dec(value), in);
}

Result<Transaction> XenStore::begin() {
  const std::string reply = TRY(request(XS_TRANSACTION_START, terminated(""), {}, "transaction"));
  const auto id = parse_number(first_string(reply));
  if (!id || *id == 0 || *id > UINT32_MAX)
    return give_up("it names a transaction by no number");
  return Transaction{static_cast<std::uint32_t>(*id)};
}

Result<bool> XenStore::end(Transaction transaction, bool commit) {
  const Reply reply = TRY(exchange(XS_TRANSACTION_END, terminated(commit ? "T" : "F"), transaction, "transaction"));
  if (reply.type != XS_ERROR)
    return true;
  const std::string_view name = first_string(reply.payload);
  if (name == "EAGAIN")
    return !commit;
  return std::unexpected(error_named(name).at("transaction"));
}

Result<void> XenStore::watch(std::string_view path, std::string_view token) {
  TRY(request(XS_WATCH, terminated(path) + terminated(token), {}, path));
  return {};
}

Result<void> XenStore::unwatch(std::string_view path, std::string_view token) {
  TRY(request(XS_UNWATCH, terminated(path) + terminated(token), {}, path));
  return {};
}

Result<std::optional<WatchEvent>> XenStore::next_event(Duration limit) {
  if (broken_)
    return fail(Code::gone, "given up earlier", "xenstore");
  const Instant deadline = clock_.now() + limit;
  for (;;) {
    if (!watch_events_.empty()) {
      WatchEvent event = std::move(watch_events_.front());
      watch_events_.erase(watch_events_.begin());
      return event;
    }
    // An answer that comes now belongs to a request that was given up.
    if (TRY(receive_some())) {
      if (incoming_.type == XS_WATCH_EVENT)
        queue_event();
    } else if (clock_.now() < deadline) {
      events_.wait(port_, deadline);
      continue;
    }
    if (watch_events_.empty() && clock_.now() >= deadline)
      return std::nullopt;
  }
}

Result<void> XenStore::reset_watches() {
  auto reply = request(XS_RESET_WATCHES, terminated(""), {}, "watches");
  watch_events_.clear();
  if (broken_)
    return std::unexpected(std::move(reply).error());
  // What is left in the ring now is an event from before the answer; half a message would confuse the next owner,
  // whatever the answer was.
  const Instant deadline = clock_.now() + reply_limit;
  while (TRY(receive_some()) || header_bytes_ != 0) {
    if (clock_.now() >= deadline)
      return fail(Code::timed_out, "it does not stop sending", "xenstore");
    if (header_bytes_ != 0)
      events_.wait(port_, deadline);
  }
  if (!reply)
    return std::unexpected(std::move(reply).error());
  return {};
}

} // namespace pvboot::xen
