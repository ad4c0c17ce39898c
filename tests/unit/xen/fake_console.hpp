// xenconsoled on the other side of the console's ring, and somebody who types.
#pragma once

#include "fake_xen.hpp"
#include "xen/console.hpp"

namespace pvboot::xen {

/// xenconsoled: takes what is there when the guest waits, unless it sleeps.
class FakeConsole final : public Peer {
public:
  FakeConsole(FakeXen& xen, xencons_interface& ring) : xen_(xen), ring_(ring) { xen.peers.push_back(this); }
  void run() override {
    if (asleep)
      return;
    for (std::size_t n = 0; ring_.out_cons != ring_.out_prod && n < bytes_a_run; ++n) {
      text += ring_.out[MASK_XENCONS_IDX(ring_.out_cons, ring_.out)];
      ++ring_.out_cons;
      xen_.raise(port);
    }
    while (!typed.empty() && ring_.in_prod - ring_.in_cons < sizeof ring_.in) {
      ring_.in[MASK_XENCONS_IDX(ring_.in_prod, ring_.in)] = typed.front();
      ++ring_.in_prod;
      typed.erase(0, 1);
      xen_.raise(port);
    }
  }
  static constexpr EventPort port{2};
  std::string text;
  std::string typed;
  bool asleep = false;
  std::size_t bytes_a_run = SIZE_MAX;

private:
  FakeXen& xen_;
  xencons_interface& ring_;
};

} // namespace pvboot::xen
