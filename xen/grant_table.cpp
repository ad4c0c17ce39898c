#include "xen/grant_table.hpp"

namespace pvboot::xen {

namespace {

constexpr grant_ref_t first_ours = GNTTAB_NR_RESERVED_ENTRIES;
constexpr std::uint64_t frames_of_version_1 = std::uint64_t{1} << 32;
constexpr int most_tries = 100;

} // namespace

GrantTable::GrantTable(std::span<grant_entry_v1_t> entries) : entries_(entries) {
  free_.reserve(entries.size());
  // Taken from the back: the lowest first.
  for (std::size_t ref = entries.size(); ref-- > first_ours;)
    if (__atomic_load_n(&entries[ref].flags, __ATOMIC_ACQUIRE) == 0)
      free_.push_back(static_cast<grant_ref_t>(ref));
}

Result<GrantRef> GrantTable::grant(DomainId to, Mfn frame, GrantAccess access) {
  if (frame.value >= frames_of_version_1)
    return fail(Code::too_large, "a frame past what a version 1 grant can name");
  if (free_.empty())
    return fail(Code::out_of_memory, "the grant table is full");
  const grant_ref_t ref = free_.back();
  free_.pop_back();
  grant_entry_v1_t& entry = entries_[ref];
  entry.domid = to.value;
  entry.frame = static_cast<std::uint32_t>(frame.value);
  // Valid only once the rest is there [xen/grant_table.h].
  const unsigned flags = GTF_permit_access | (access == GrantAccess::read_only ? GTF_readonly : 0u);
  __atomic_store_n(&entry.flags, static_cast<std::uint16_t>(flags), __ATOMIC_RELEASE);
  return GrantRef{ref};
}

bool GrantTable::clear(grant_ref_t ref) {
  std::uint16_t& flags = entries_[ref].flags;
  std::uint16_t seen = __atomic_load_n(&flags, __ATOMIC_ACQUIRE);
  // A backend that maps and unmaps all the time counts as one that does not let go.
  for (int tries = 0; tries < most_tries && (seen & (GTF_reading | GTF_writing)) == 0; ++tries)
    if (__atomic_compare_exchange_n(&flags, &seen, std::uint16_t{0}, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) {
      forget(ref);
      return true;
    }
  return false;
}

// Nobody reads an entry without flags; a kernel after us finds the table as Xen makes it.
void GrantTable::forget(grant_ref_t ref) {
  entries_[ref].domid = 0;
  entries_[ref].frame = 0;
}

bool GrantTable::revoke(GrantRef ref) {
  return ref.value >= first_ours && ref.value < entries_.size() && clear(ref.value);
}

bool GrantTable::end(GrantRef ref) {
  if (!revoke(ref))
    return false;
  free_.push_back(ref.value);
  return true;
}

std::size_t GrantTable::end_all() {
  std::size_t in_use = 0;
  for (grant_ref_t ref = first_ours; ref < entries_.size(); ++ref) {
    if (__atomic_load_n(&entries_[ref].flags, __ATOMIC_ACQUIRE) == 0)
      forget(ref);
    else if (!end(GrantRef{ref}))
      ++in_use;
  }
  return in_use;
}

} // namespace pvboot::xen
