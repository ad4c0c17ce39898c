#include "xen/console.hpp"

#include "base/text.hpp"
#include "xen/hypercall/misc.hpp"
#include "xen/shared_ring.hpp"

#include <algorithm>
#include <array>

namespace pvboot::xen {

namespace {

// How often a console without an event channel looks for keys.
constexpr Duration key_interval = milliseconds(50);

} // namespace

void emergency_write(std::string_view text) { (void)issue(ConsoleWrite{text}); }

void Console::write(std::string_view text) {
  while (!text.empty()) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    put(text.substr(0, line));
    if (line == text.size())
      return;
    put("\r\n");
    text.remove_prefix(line + 1);
  }
}

// What fits; 0 when the ring is full. A reader that moves its index out of range is taken to have read everything.
std::size_t Console::put_some(std::string_view bytes) {
  const XENCONS_RING_IDX prod = ring_->out_prod;
  XENCONS_RING_IDX used = prod - load(ring_->out_cons);
  if (used > sizeof ring_->out)
    used = 0;
  const std::size_t count = std::min<std::size_t>(bytes.size(), sizeof ring_->out - used);
  for (std::size_t i = 0; i < count; ++i)
    ring_->out[MASK_XENCONS_IDX(prod + static_cast<XENCONS_RING_IDX>(i), ring_->out)] = bytes[i];
  if (count != 0) {
    store(ring_->out_prod, prod + static_cast<XENCONS_RING_IDX>(count));
    (void)events_.send(port_);
  }
  return count;
}

// Only when there is room for the whole note and the text after it. No heap: a crash may come through here.
void Console::say_what_is_lost(std::size_t text_after) {
  constexpr std::string_view before = "\r\n[pvboot: ";
  constexpr std::string_view after = " bytes of output lost]\r\n";
  constexpr std::size_t most_digits = 20;
  const XENCONS_RING_IDX used = ring_->out_prod - load(ring_->out_cons);
  if (used > sizeof ring_->out || sizeof ring_->out - used < before.size() + most_digits + after.size() + text_after)
    return;
  put_some(before);
  put_some(dec(lost_unsaid_));
  put_some(after);
  lost_unsaid_ = 0;
  nobody_reads_ = false;
}

void Console::put(std::string_view bytes) {
  if (ring_ == nullptr) {
    emergency_write(bytes);
    return;
  }
  if (lost_unsaid_ != 0)
    say_what_is_lost(bytes.size());
  Instant deadline = clock_.now() + patience;
  while (!bytes.empty()) {
    const std::size_t count = put_some(bytes);
    bytes.remove_prefix(count);
    if (count != 0) {
      nobody_reads_ = false;
      deadline = clock_.now() + patience;
      continue;
    }
    if (nobody_reads_ || clock_.now() >= deadline) {
      nobody_reads_ = true;
      lost_ += bytes.size();
      lost_unsaid_ += bytes.size();
      return;
    }
    events_.wait(port_, deadline);
  }
}

bool Console::take(char& c) {
  if (ring_ == nullptr) {
    const auto count = issue(ConsoleRead{std::span(&c, 1)});
    return count && *count == 1;
  }
  const XENCONS_RING_IDX cons = ring_->in_cons;
  const XENCONS_RING_IDX there = load(ring_->in_prod) - cons;
  if (there == 0)
    return false;
  if (there > sizeof ring_->in) {
    // A writer out of range: start again where it says it is.
    store(ring_->in_cons, load(ring_->in_prod));
    return false;
  }
  c = ring_->in[MASK_XENCONS_IDX(cons, ring_->in)];
  store(ring_->in_cons, cons + 1);
  // A writer that finds the ring full sleeps; it may have filled it since we looked.
  xen_mb();
  if (load(ring_->in_prod) - cons >= sizeof ring_->in)
    (void)events_.send(port_);
  return true;
}

void Console::wait_for_key(Instant deadline, std::optional<EventPort> also) {
  std::array<EventPort, 2> ports;
  std::size_t count = 0;
  if (ring_ != nullptr)
    ports[count++] = port_;
  else
    deadline = std::min(deadline, clock_.now() + key_interval);
  if (also)
    ports[count++] = *also;
  events_.wait(std::span(ports).first(count), deadline);
}

std::optional<char> Console::read_key(Duration limit, std::optional<EventPort> also) {
  const Instant deadline = clock_.now() + limit;
  for (bool waited = false;; waited = true) {
    char c;
    if (take(c))
      return c;
    // The wait has taken note of the other port's events: they are not to be slept over.
    if (clock_.now() >= deadline || (waited && also))
      return std::nullopt;
    wait_for_key(deadline, also);
  }
}

void Console::drain(Duration limit) {
  if (ring_ == nullptr)
    return;
  const Instant deadline = clock_.now() + limit;
  while (load(ring_->out_cons) != ring_->out_prod && !nobody_reads_ && clock_.now() < deadline)
    events_.wait(port_, deadline);
}

} // namespace pvboot::xen
