#include "xen/hypercall/grant.hpp"

#include "base/text.hpp"

namespace pvboot::xen {

Result<void> grant_status(std::int16_t status) {
  switch (status) {
  case GNTST_okay: return {};
  case GNTST_bad_domain: return fail(Code::invalid, "grant: unrecognised domain");
  case GNTST_bad_gntref: return fail(Code::invalid, "grant: invalid reference");
  case GNTST_permission_denied: return fail(Code::denied, "grant: permission denied");
  case GNTST_no_space: return fail(Code::out_of_memory, "grant: out of space");
  case GNTST_eagain: return fail(Code::denied, "grant: not done, try again");
  default: break;
  }
  const auto number = static_cast<unsigned>(-static_cast<int>(status));
  return fail(Code::denied, "grant: refused by Xen", "status -" + dec(number));
}

} // namespace pvboot::xen
