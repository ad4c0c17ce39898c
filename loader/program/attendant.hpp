// Waiting for somebody at the console, with an ear for the host: `xl shutdown` and `xl reboot` end the domain as they
// would end a kernel.
//
// What the host asks is said on the console, with what is made of it:
//
//   poweroff, halt   acknowledged, and the domain ends with SHUTDOWN_poweroff
//   reboot           acknowledged, and the domain ends with SHUTDOWN_reboot
//   suspend          left unacknowledged: only a kernel can be saved, and the one that is started next may do it. The
//                    host's tools withdraw the request when their time is up, and the guest goes on.
//   anything else    left alone, as a kernel does
//
// A store that fails costs a debug line, and from then on only keys are listened to. The lines about what is not done
// are limited in number: a host that changes the request all the time floods no console.
#pragma once

#include "loader/program/log.hpp"
#include "xen/shutdown_requests.hpp"

namespace pvboot::loader {

class Attendant {
public:
  /// How many requests that are not carried out are said.
  static constexpr unsigned most_refusals_said = 16;

  /// `store` may be null: the initial domain has none.
  Attendant(xen::XenStore* store, xen::Console& console, const xen::Clock& clock, Log& log);

  /// From now on the host is listened to.
  void begin();

  /// The next key, waiting up to `limit` for it. `line` is what stands on the console's last line: it is shown again
  /// when something was said. Does not return when the host wants the domain to end.
  std::optional<char> wait_for_key(Duration limit, std::string_view line = {});

  /// Does what the host asks now, without waiting. Does not return when that is the domain's end.
  void serve_host(std::string_view line = {});

  /// The end of listening: the store's keys are as a new guest expects them.
  void leave();

private:
  bool serve_change(std::string_view line);
  Result<void> serve(std::string_view line);
  void refuse(std::string_view word, std::string_view line);
  void stop_listening(const Error& why);

  xen::Console& console_;
  const xen::Clock& clock_;
  Log& log_;
  std::optional<xen::ShutdownRequests> requests_{};
  bool listening_ = false;
  std::string seen_{}; ///< the request that has been dealt with
  unsigned refusals_ = 0;
};

} // namespace pvboot::loader
