#include "xen/hypercall/mmu.hpp"

#include <algorithm>
#include <array>

namespace pvboot::xen {

namespace {

// Small enough for the stack, large enough that the hypercall's own cost no longer counts.
constexpr std::size_t batch_size = 128;

mmuext_op_t command(unsigned cmd) {
  mmuext_op_t op{};
  op.cmd = cmd;
  return op;
}
mmuext_op_t on_frame(unsigned cmd, Mfn frame) {
  mmuext_op_t op = command(cmd);
  op.arg1.mfn = frame.value;
  return op;
}
mmuext_op_t on_address(unsigned cmd, GuestVirt where) {
  mmuext_op_t op = command(cmd);
  op.arg1.linear_addr = where.value;
  return op;
}

struct Encoder {
  mmuext_op_t operator()(const PinTable& c) const {
    return on_frame(MMUEXT_PIN_L1_TABLE + static_cast<unsigned>(c.level) - 1, c.table);
  }
  mmuext_op_t operator()(const UnpinTable& c) const { return on_frame(MMUEXT_UNPIN_TABLE, c.table); }
  mmuext_op_t operator()(const NewBasePtr& c) const { return on_frame(MMUEXT_NEW_BASEPTR, c.table); }
  mmuext_op_t operator()(const NewUserBasePtr& c) const { return on_frame(MMUEXT_NEW_USER_BASEPTR, c.table); }
  mmuext_op_t operator()(const FlushTlbLocal&) const { return command(MMUEXT_TLB_FLUSH_LOCAL); }
  mmuext_op_t operator()(const FlushTlbMulti& c) const {
    mmuext_op_t op = command(MMUEXT_TLB_FLUSH_MULTI);
    set_xen_guest_handle(op.arg2.vcpumask, c.vcpu_mask);
    return op;
  }
  mmuext_op_t operator()(const FlushTlbAll&) const { return command(MMUEXT_TLB_FLUSH_ALL); }
  mmuext_op_t operator()(const InvlpgLocal& c) const { return on_address(MMUEXT_INVLPG_LOCAL, c.where); }
  mmuext_op_t operator()(const InvlpgMulti& c) const {
    mmuext_op_t op = on_address(MMUEXT_INVLPG_MULTI, c.where);
    set_xen_guest_handle(op.arg2.vcpumask, c.vcpu_mask);
    return op;
  }
  mmuext_op_t operator()(const InvlpgAll& c) const { return on_address(MMUEXT_INVLPG_ALL, c.where); }
  mmuext_op_t operator()(const FlushCache&) const { return command(MMUEXT_FLUSH_CACHE); }
  mmuext_op_t operator()(const FlushCacheGlobal&) const { return command(MMUEXT_FLUSH_CACHE_GLOBAL); }
  mmuext_op_t operator()(const SetLdt& c) const {
    mmuext_op_t op = on_address(MMUEXT_SET_LDT, c.base);
    op.arg2.nr_ents = c.entries;
    return op;
  }
  mmuext_op_t operator()(const ClearPage& c) const { return on_frame(MMUEXT_CLEAR_PAGE, c.frame); }
  mmuext_op_t operator()(const CopyPage& c) const {
    mmuext_op_t op = on_frame(MMUEXT_COPY_PAGE, c.to);
    op.arg2.src_mfn = c.from.value;
    return op;
  }
  mmuext_op_t operator()(const MarkSuper& c) const { return on_frame(MMUEXT_MARK_SUPER, c.head); }
  mmuext_op_t operator()(const UnmarkSuper& c) const { return on_frame(MMUEXT_UNMARK_SUPER, c.head); }
};

template <typename Array, typename Value, typename Encode>
Result<void> send_in_batches(std::span<const Value> values, std::size_t* done, DomainId owner, Encode encode_one) {
  using Raw = decltype(encode_one(values.front()));
  std::size_t sent = 0;
  Result<void> outcome{};
  while (sent < values.size() && outcome) {
    std::array<Raw, batch_size> batch;
    const std::size_t count = std::min(batch_size, values.size() - sent);
    std::transform(values.begin() + sent, values.begin() + sent + count, batch.begin(), encode_one);
    unsigned batch_done = 0;
    if (auto result = issue(Array{std::span(batch).first(count), &batch_done, owner}); !result)
      outcome = std::unexpected(std::move(result).error());
    // On success all of them went through, whether or not Xen wrote the count.
    sent += outcome ? count : std::min<std::size_t>(batch_done, count);
  }
  if (done != nullptr)
    *done = sent;
  return outcome;
}

} // namespace

static_assert(MMUEXT_PIN_L4_TABLE == MMUEXT_PIN_L1_TABLE + 3);

mmuext_op_t encode(const MmuExt& command) { return std::visit(Encoder{}, command); }

RawCall MmuUpdateArray::raw() const {
  return {__HYPERVISOR_mmu_update, {address(entries.data()), entries.size(), address(done), owner.value}};
}

RawCall MmuExtArray::raw() const {
  return {__HYPERVISOR_mmuext_op, {address(entries.data()), entries.size(), address(done), owner.value}};
}

Result<void> mmu_update(std::span<const MmuUpdate> updates, std::size_t* done, DomainId owner) {
  return send_in_batches<MmuUpdateArray>(updates, done, owner, [](const MmuUpdate& u) { return u.encode(); });
}

Result<void> mmuext(std::span<const MmuExt> commands, std::size_t* done, DomainId owner) {
  return send_in_batches<MmuExtArray>(commands, done, owner, [](const MmuExt& c) { return encode(c); });
}

} // namespace pvboot::xen
