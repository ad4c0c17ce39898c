// The grant table, version 1 [xen/grant_table.h]: which of our frames a backend may map or copy.
//
// Entries 0 to 7 are reserved: console and xenstore live in 0 and 1 and are never touched. Entries that somebody
// before us left in use are not given out until end_all() finds them free. A grant ends by a compare-and-swap
// of its flags to 0, only while nobody uses it; one that a backend never lets go stays out of use for ever, and so
// must the frame behind it.
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/call.hpp"

#include <memory>
#include <span>
#include <vector>

namespace pvboot::xen {

struct GrantRef {
  grant_ref_t value = 0;
  constexpr auto operator<=>(const GrantRef&) const = default;
};

enum class GrantAccess : std::uint8_t { read_write, read_only };

class GrantTable {
public:
  /// `entries` is the mapped table.
  explicit GrantTable(std::span<grant_entry_v1_t> entries);

  /// Code::out_of_memory when the table is full; Code::too_large when version 1 cannot name the frame.
  Result<GrantRef> grant(DomainId to, Mfn frame, GrantAccess access);

  /// True: ended, nobody can use the frame through it any more. False: in use; the entry is lost (quarantined).
  [[nodiscard]] bool end(GrantRef ref);

  /// The same for a grant that a request still names which the backend never answered: even when it ends, its
  /// reference is not given out again, so that the backend finds nobody else's frame behind it.
  [[nodiscard]] bool revoke(GrantRef ref);

  /// Ends every grant of ours and of earlier loaders that nobody uses, after the frontends are closed, and leaves
  /// those entries all zero; the number that is still in use. The references may then be given out again, revoked ones
  /// as well: no backend is left that could name them.
  std::size_t end_all();

  std::size_t free_entries() const { return free_.size(); }

private:
  bool clear(grant_ref_t ref);
  void forget(grant_ref_t ref);

  std::span<grant_entry_v1_t> entries_;
  std::vector<grant_ref_t> free_;
};

} // namespace pvboot::xen
