// The model's answers are those that tests/guest/rules gets from real Xen.
#include "tests/model/domain.hpp"
#include "tests/model/installed.hpp"
#include "tests/model/rules.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string_view>

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

} // namespace

TEST_CASE("Each rule gets on the model the answer that real Xen gives") {
  model::Domain domain(model::DomainSpec{});
  const model::Installed installed(domain.xen());
  auto memory = xen::AddressSpace::adopt(domain.start_info(), domain.spec().base);
  REQUIRE(memory);
  ModelledGrantee grantee(domain.xen());
  auto bench = model::RuleBench::make(**memory, grantee);
  REQUIRE(bench);
  for (const model::Rule& rule : model::rules()) {
    CAPTURE(rule.name, rule.deed);
    CHECK(model::try_rule(rule, *bench) == rule.answer);
  }
}

TEST_CASE("No rule of the model is without a deed that real Xen is asked for") {
  // As tests/model/xen.hpp names them.
  for (const std::string_view name :
       {"one-type", "validate", "no-large-pages", "own-frames", "xen-slots", "plain-write", "va-needs-l1", "pin-once",
        "base-is-l4", "grant-writes", "m2p-own", "gdt-types", "reservation"}) {
    CAPTURE(name);
    const auto deeds = model::rules();
    CHECK(std::any_of(deeds.begin(), deeds.end(), [&](const model::Rule& rule) { return rule.name == name; }));
  }
}
