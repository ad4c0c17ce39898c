// The model's answers are those that tests/guest/rules gets from real Xen.
#include "tests/model/domain.hpp"
#include "tests/model/installed.hpp"
#include "tests/model/rules.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;

TEST_CASE("Each rule gets on the model the answer that real Xen gives") {
  model::Domain domain(model::DomainSpec{});
  const model::Installed installed(domain.xen());
  auto memory = xen::AddressSpace::adopt(domain.start_info(), domain.spec().base);
  REQUIRE(memory);
  auto bench = model::RuleBench::make(**memory);
  REQUIRE(bench);
  for (const model::Rule& rule : model::rules()) {
    CAPTURE(rule.name, rule.deed);
    CHECK(model::try_rule(rule, *bench) == rule.answer);
  }
}
