// Asks real Xen for every rule that the model of Xen keeps. The last line is the verdict: "rules: 24 of 24".
#include "base/text.hpp"
#include "tests/model/rules.hpp"
#include "xen/arch/x86_64/pv_guest.hpp"
#include "xen/crash.hpp"
#include "xen/shutdown.hpp"

extern "C" char pvboot_virt_base[];

namespace {

using namespace pvboot;

std::string number(long value) {
  return value < 0 ? "-" + dec(static_cast<std::uint64_t>(-value)) : dec(static_cast<std::uint64_t>(value));
}

Result<void> run(xen::Guest& guest) {
  const auto memory = TRY(xen::AddressSpace::adopt(guest.start, GuestVirt{xen::address(pvboot_virt_base)}));
  auto bench = TRY(model::RuleBench::make(*memory));
  std::size_t as_modelled = 0;
  for (const model::Rule& rule : model::rules()) {
    const long answer = model::try_rule(rule, bench);
    as_modelled += answer == rule.answer;
    guest.console.write(std::string(rule.name) + ": " + rule.deed + ": " + number(answer) +
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
