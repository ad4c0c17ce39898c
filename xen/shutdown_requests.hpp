// What the host asks of this domain while it runs: `xl shutdown`, `xl reboot` and the like write a word into
// control/shutdown in xenstore, and the guest acknowledges what it is going to do by emptying the key
// [xen: docs/misc/xenstore-paths].
//
// open() sets a watch on the key and says in control/feature-poweroff and control/feature-reboot, where the host has
// made these keys, that both can be asked for. close() takes all of that back: the next owner of the store finds what
// a new guest finds. A request that is not acknowledged stays where it is, for the host to withdraw or for the next
// owner to carry out.
//
// The key is the host's and hostile: any bytes, of any length that the store's protocol allows, changing at any time.
// Fails as the store fails.
#pragma once

#include "xen/xenstore.hpp"

namespace pvboot::xen {

class ShutdownRequests {
public:
  explicit ShutdownRequests(XenStore& store) : store_(store) {}

  Result<void> open();
  void close();

  /// Whether the store has said since the last call that the key has changed. Takes the events that are there, and
  /// does not wait. Events may be lost, so whoever has not looked for a long time reads the key all the same.
  Result<bool> changed();

  /// The request as it stands; empty when there is none.
  Result<std::string> word();

  /// Empties the key if it still holds `word`: false when the host has changed its mind meanwhile.
  Result<bool> acknowledge(std::string_view word);

  /// The port whose events mean that changed() is worth calling; none when the store is given up.
  std::optional<EventPort> port() const;

private:
  struct Feature {
    std::string key;
    std::string before;
  };

  void advertise(std::string_view key);

  XenStore& store_;
  bool watching_ = false;
  std::vector<Feature> advertised_;
};

} // namespace pvboot::xen
