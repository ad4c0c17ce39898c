// The model's answers are those that tests/guest/rules gets from real Xen.
#include "tests/model/domain.hpp"
#include "tests/model/installed.hpp"
#include "tests/model/rules.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

using namespace pvboot;

namespace {

class ModelledGrantee final : public model::Grantee {
public:
  explicit ModelledGrantee(model::Xen& xen) : xen_(xen) {}
  bool map(Mfn frame) override {
    frame_ = frame;
    return xen_.grant_writable(frame) == 0;
  }
  void unmap() override { xen_.end_grant(frame_); }

private:
  model::Xen& xen_;
  Mfn frame_;
};

struct Bench {
  Bench() : installed(domain.xen()), grantee(domain.xen()) {
    auto adopted = xen::AddressSpace::adopt(domain.start_info(), domain.spec().base);
    REQUIRE(adopted);
    memory = std::move(*adopted);
    auto made = model::RuleBench::make(*memory, grantee);
    REQUIRE(made);
    rules.emplace(*made);
    // As a fresh domain has it.
    domain.xen().hypercall(__HYPERVISOR_set_gdt, {0, 0, 0, 0, 0});
    rules->ext(MMUEXT_NEW_USER_BASEPTR, Mfn{0});
  }
  model::Domain domain{model::DomainSpec{}};
  model::Installed installed;
  ModelledGrantee grantee;
  std::unique_ptr<xen::AddressSpace> memory;
  std::optional<model::RuleBench> rules;
};

/// Every frame that has a type, and what Xen holds of it.
auto typed_frames(const model::Xen& xen) {
  std::map<std::uint64_t, std::tuple<model::Type, std::uint64_t, bool>> frames;
  for (const auto& [frame, state] : xen.states())
    if (state.count != 0 || state.pinned)
      frames[frame] = {state.type, state.count, state.pinned};
  return frames;
}

} // namespace

TEST_CASE("Each rule gets on the model the answer that real Xen gives") {
  Bench bench;
  for (const model::Rule& rule : model::rules()) {
    CAPTURE(model::text_of(rule.name), rule.deed);
    CHECK(model::try_rule(rule, *bench.rules) == rule.answer);
  }
}

TEST_CASE("No rule of the model is without a deed that real Xen is asked for, and whose answer is by that rule") {
  Bench bench;
  std::array<std::uint64_t, model::rule_count> decided{};
  for (const model::Rule& rule : model::rules()) {
    const std::uint64_t before = bench.domain.xen().decided_by(rule.name);
    model::try_rule(rule, *bench.rules);
    decided[static_cast<std::size_t>(rule.name)] += bench.domain.xen().decided_by(rule.name) - before;
  }
  for (std::size_t i = 0; i < model::rule_count; ++i) {
    CAPTURE(model::rule_texts[i]);
    CHECK(decided[i] != 0);
  }
}

TEST_CASE("A deed leaves the guest as it found it") {
  Bench bench;
  const model::Xen& xen = bench.domain.xen();
  const auto before = typed_frames(xen);
  for (const model::Rule& rule : model::rules()) {
    CAPTURE(model::text_of(rule.name), rule.deed);
    model::try_rule(rule, *bench.rules);
    CHECK(typed_frames(xen) == before);
    CHECK(xen.base() == bench.memory->root());
    CHECK(xen.user_base() == Mfn{0});
    CHECK(bench.domain.xen().vcpu().gdt.empty());
  }
}
