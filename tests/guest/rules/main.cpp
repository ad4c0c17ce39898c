// Asks real Xen for every rule that the model of Xen keeps. The last line is the verdict: "rules: 83 of 83".
//
// The deed of m2p-own names machine frame 0, which is not ours: with guest_loglvl=all Xen logs "Error mfn 00000".
#include "base/text.hpp"
#include "tests/model/rules.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/crash.hpp"
#include "xen/hypercall/grant.hpp"
#include "xen/shutdown.hpp"

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;

std::string number(long value) {
  return value < 0 ? "-" + dec(static_cast<std::uint64_t>(-value)) : dec(static_cast<std::uint64_t>(value));
}

/// We are the backend as well: Xen lets a domain map its own grants and counts them like anybody's. It wants the
/// domain's number for that, not DOMID_SELF.
class OwnGrantee final : public model::Grantee {
public:
  /// Nothing else is mapped at `at`, and there is an L1 for it.
  OwnGrantee(xen::GrantTable& grants, xen::DomainId self, GuestVirt at) : grants_(grants), self_(self), at_(at) {}

  bool map(Mfn frame) override {
    const auto ref = grants_.grant(self_, frame, xen::GrantAccess::read_write);
    if (!ref)
      return false;
    ref_ = *ref;
    xen::MapGrant call(self_, ref_.value, at_.value, GNTMAP_host_map);
    if (!xen::issue(call) || !xen::grant_status(call.arg.status)) {
      (void)grants_.end(ref_);
      return false;
    }
    handle_ = call.arg.handle;
    return true;
  }
  void unmap() override {
    xen::UnmapGrant call(at_.value, handle_);
    (void)xen::issue(call);
    (void)grants_.end(ref_);
  }

private:
  xen::GrantTable& grants_;
  xen::DomainId self_;
  GuestVirt at_;
  xen::GrantRef ref_;
  grant_handle_t handle_ = 0;
};

Result<xen::DomainId> own_number(xen::Guest& guest) {
  if (guest.store == nullptr)
    return fail(Code::unsupported, "no xenstore to ask for the domain's number");
  return xen::DomainId{static_cast<domid_t>(TRY(guest.store->read_number("domid")))};
}

Result<void> run(xen::Guest& guest) {
  const auto memory = TRY(xen::AddressSpace::adopt(guest.start, GuestVirt{xen::address(pvboot_virt_base)}));
  constexpr GuestVirt granted_at{0x7d0000000000};
  TRY(memory->prepare_address(granted_at));
  OwnGrantee grantee(guest.grants, TRY(own_number(guest)), granted_at);
  auto bench = TRY(model::RuleBench::make(*memory, grantee));
  std::size_t as_modelled = 0;
  for (const model::Rule& rule : model::rules()) {
    const long answer = model::try_rule(rule, bench);
    as_modelled += answer == rule.answer;
    guest.console.write(std::string(model::text_of(rule.name)) + ": " + rule.deed + ": " + number(answer) +
                        (answer == rule.answer ? "\n" : ", but the model says " + number(rule.answer) + "\n"));
  }
  guest.console.write("rules: " + dec(as_modelled) + " of " + dec(model::rules().size()) + "\n");
  return {};
}

} // namespace

extern "C" [[noreturn]] void pvboot_main(const start_info_t* start) {
  xen::Guest& guest = xen::start_pv_guest(*start);
  if (const auto outcome = run(guest); !outcome)
    guest.console.write("rules: FAILED: " + outcome.error().text() + "\n");
  guest.console.drain(milliseconds(500));
  xen::shutdown(xen::ShutdownReason::poweroff);
}
