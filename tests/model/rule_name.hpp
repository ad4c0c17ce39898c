// The rules that the model of Xen keeps, by their names in the table of tests/guest/README.md.
//
// One list for the model, which says by which rule it answers, and for the deeds that show the rules on real Xen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace pvboot::model {

enum class RuleName : std::uint8_t {
  one_type,     ///< a frame is L1, L2, L3, L4, descriptor page or writable, never two at once; the type changes only
                ///< at count 0
  validate,     ///< making a frame a table takes a type reference on every frame its entries name, all or nothing
  entry_bits,   ///< PSE, PAT, PWT and PCD in an entry are refused, and GLOBAL above L1; software bits are the guest's
  own_frames,   ///< an entry may name only frames of the guest, or what it was given (shared_info, grant table)
  xen_slots,    ///< L4 entries 256 to 271 cannot be written
  plain_write,  ///< mmu_update on a frame that is no table is a write, and needs the frame to be free for writing
  va_needs_l1,  ///< update_va_mapping needs an L1 under the current tables
  pin_once,     ///< a table is pinned once and unpinned once
  base_is_l4,   ///< NEW_BASEPTR takes an L4 or a frame that can become one; the old one stays typed while pinned
  user_base,    ///< NEW_USER_BASEPTR takes the same, or nothing; the frame is an L4 as long
  grant_writes, ///< a backend's writable mapping counts as a writable reference
  m2p_own,      ///< only frames of the guest get names
  gdt_types,    ///< set_gdt makes descriptor pages
  reservation,  ///< current_reservation counts the guest's frames
  vcpu_state,   ///< callbacks, debug registers, segment bases and assists are those that Xen knows
};

constexpr const char* rule_texts[] = {"one-type",     "validate",    "entry-bits", "own-frames",  "xen-slots",
                                      "plain-write",  "va-needs-l1", "pin-once",   "base-is-l4",  "user-base",
                                      "grant-writes", "m2p-own",     "gdt-types",  "reservation", "vcpu-state"};
constexpr std::size_t rule_count = static_cast<std::size_t>(RuleName::vcpu_state) + 1;
static_assert(std::size(rule_texts) == rule_count);

constexpr const char* text_of(RuleName rule) { return rule_texts[static_cast<std::size_t>(rule)]; }

} // namespace pvboot::model
