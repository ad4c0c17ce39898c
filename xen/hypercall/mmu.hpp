// Page tables and frames under Xen's rules: mmu_update, mmuext_op, update_va_mapping [xen/xen.h].
//
// MmuUpdate and the MMUEXT commands are values that compare equal; mmu_update() and mmuext() send any number of them
// in batches. Xen may preempt a batch and re-execute it: the call returns when all are done or one has failed, and
// says how many went through.
#pragma once

#include "base/units.hpp"
#include "xen/hypercall/call.hpp"

#include <span>
#include <variant>

namespace pvboot::xen {

/// A page-table entry as Xen takes it: a machine address and flag bits.
struct Pte {
  std::uint64_t value = 0;
  constexpr bool operator==(const Pte&) const = default;
};

/// One mmu_update: a page-table entry or an M2P entry.
struct MmuUpdate {
  enum class Command : std::uint8_t {
    normal = MMU_NORMAL_PT_UPDATE,           ///< checked write of a page-table entry
    machphys = MMU_MACHPHYS_UPDATE,          ///< the frame's entry in the M2P
    preserve_ad = MMU_PT_UPDATE_PRESERVE_AD, ///< like normal, accessed and dirty bits kept
  };

  Command command = Command::normal;
  MachineAddr target; ///< of the entry; for machphys of the frame
  std::uint64_t value = 0;
  constexpr bool operator==(const MmuUpdate&) const = default;

  static constexpr MmuUpdate entry(MachineAddr where, Pte pte) { return {Command::normal, where, pte.value}; }
  static constexpr MmuUpdate entry_keeping_ad(MachineAddr where, Pte pte) {
    return {Command::preserve_ad, where, pte.value};
  }
  static constexpr MmuUpdate machphys(Mfn frame, Pfn name) {
    return {Command::machphys, address_of(frame), name.value};
  }
  constexpr mmu_update_t encode() const { return {target.value | static_cast<std::uint64_t>(command), value}; }
};

enum class Level : std::uint8_t { l1 = 1, l2, l3, l4 };

struct PinTable {
  Level level = Level::l4;
  Mfn table;
  bool operator==(const PinTable&) const = default;
};
struct UnpinTable {
  Mfn table;
  bool operator==(const UnpinTable&) const = default;
};
struct NewBasePtr {
  Mfn table;
  bool operator==(const NewBasePtr&) const = default;
};
struct NewUserBasePtr {
  Mfn table; ///< 0: none
  bool operator==(const NewUserBasePtr&) const = default;
};
struct FlushTlbLocal {
  bool operator==(const FlushTlbLocal&) const = default;
};
struct FlushTlbMulti {
  const std::uint64_t* vcpu_mask = nullptr;
  bool operator==(const FlushTlbMulti&) const = default;
};
struct FlushTlbAll {
  bool operator==(const FlushTlbAll&) const = default;
};
struct InvlpgLocal {
  GuestVirt where;
  bool operator==(const InvlpgLocal&) const = default;
};
struct InvlpgMulti {
  GuestVirt where;
  const std::uint64_t* vcpu_mask = nullptr;
  bool operator==(const InvlpgMulti&) const = default;
};
struct InvlpgAll {
  GuestVirt where;
  bool operator==(const InvlpgAll&) const = default;
};
struct FlushCache {
  bool operator==(const FlushCache&) const = default;
};
struct FlushCacheGlobal {
  bool operator==(const FlushCacheGlobal&) const = default;
};
struct SetLdt {
  GuestVirt base;
  unsigned entries = 0;
  bool operator==(const SetLdt&) const = default;
};
struct ClearPage {
  Mfn frame;
  bool operator==(const ClearPage&) const = default;
};
struct CopyPage {
  Mfn to, from;
  bool operator==(const CopyPage&) const = default;
};
struct MarkSuper {
  Mfn head;
  bool operator==(const MarkSuper&) const = default;
};
struct UnmarkSuper {
  Mfn head;
  bool operator==(const UnmarkSuper&) const = default;
};

using MmuExt = std::variant<PinTable, UnpinTable, NewBasePtr, NewUserBasePtr, FlushTlbLocal, FlushTlbMulti, FlushTlbAll,
                            InvlpgLocal, InvlpgMulti, InvlpgAll, FlushCache, FlushCacheGlobal, SetLdt, ClearPage,
                            CopyPage, MarkSuper, UnmarkSuper>;

mmuext_op_t encode(const MmuExt& command);

/// Sends all of them. The number that went through is in `*done`, where given, also after an error.
Result<void> mmu_update(std::span<const MmuUpdate> updates, std::size_t* done = nullptr,
                        DomainId owner = DomainId::self());
Result<void> mmuext(std::span<const MmuExt> commands, std::size_t* done = nullptr, DomainId owner = DomainId::self());
inline Result<void> mmuext(const MmuExt& command) { return mmuext(std::span(&command, 1)); }

/// The raw calls over arrays that the caller has encoded: for a Multicall, or for a page that must hold them.
struct MmuUpdateArray {
  std::span<const mmu_update_t> entries;
  unsigned* done = nullptr;
  DomainId owner = DomainId::self();
  RawCall raw() const;
};
struct MmuExtArray {
  std::span<const mmuext_op_t> entries;
  unsigned* done = nullptr;
  DomainId owner = DomainId::self();
  RawCall raw() const;
};

/// What to flush after a change of one mapping, and where (UVMF_*).
struct Flush {
  std::uint64_t flags = UVMF_NONE;
  constexpr bool operator==(const Flush&) const = default;

  static constexpr Flush none() { return {UVMF_NONE}; }
  static constexpr Flush tlb_local() { return {UVMF_TLB_FLUSH | UVMF_LOCAL}; }
  static constexpr Flush tlb_all() { return {UVMF_TLB_FLUSH | UVMF_ALL}; }
  static constexpr Flush page_local() { return {UVMF_INVLPG | UVMF_LOCAL}; }
  static constexpr Flush page_all() { return {UVMF_INVLPG | UVMF_ALL}; }
  /// `vcpu_mask` is aligned to 8, so that the flag bits below it are free.
  static Flush tlb_of(const std::uint64_t* vcpu_mask) { return {UVMF_TLB_FLUSH | UVMF_MULTI | address(vcpu_mask)}; }
  static Flush page_of(const std::uint64_t* vcpu_mask) { return {UVMF_INVLPG | UVMF_MULTI | address(vcpu_mask)}; }
};

/// Needs an L1 that exists under the current tables.
struct UpdateVaMapping {
  GuestVirt where;
  Pte pte;
  Flush flush = Flush::page_local();
  RawCall raw() const { return {__HYPERVISOR_update_va_mapping, {where.value, pte.value, flush.flags}}; }
};

struct UpdateVaMappingOtherDomain {
  GuestVirt where;
  Pte pte;
  Flush flush = Flush::page_local();
  DomainId domain;
  RawCall raw() const {
    return {__HYPERVISOR_update_va_mapping_otherdomain, {where.value, pte.value, flush.flags, domain.value}};
  }
};

/// One descriptor of a page that Xen has typed as GDT or LDT.
struct UpdateDescriptor {
  MachineAddr where;
  std::uint64_t descriptor = 0;
  RawCall raw() const { return {__HYPERVISOR_update_descriptor, {where.value, descriptor}}; }
};

} // namespace pvboot::xen
