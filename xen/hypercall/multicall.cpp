#include "xen/hypercall/multicall.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace pvboot::xen {

void Multicall::add_raw(const RawCall& call) {
  multicall_entry_t entry{};
  entry.op = call.number;
  std::copy(call.args.begin(), call.args.end(), entry.args);
  entries_.push_back(entry);
}

Result<void> Multicall::issue() {
  std::vector<multicall_entry_t> entries;
  entries.swap(entries_);
  results_.clear();
  if (entries.empty())
    return {};
  TRY(issue_raw({__HYPERVISOR_multicall, {address(entries.data()), entries.size()}}));
  Result<void> outcome{};
  for (const multicall_entry_t& entry : entries) {
    const long result = static_cast<long>(entry.result);
    if (result < 0 && outcome)
      outcome = std::unexpected(error_of(static_cast<unsigned>(entry.op), result)
                                    .at("call " + dec(results_.size()) + " of " + dec(entries.size())));
    results_.push_back(result);
  }
  return outcome;
}

} // namespace pvboot::xen
