#include "scene.hpp"

#include "loader/program/status.hpp"

using namespace pvboot;
using namespace pvboot::loader;

TEST_CASE("what happened is in the guest's own directory, bounded and printable") {
  Scene s;
  Status status(&s.client, s.log);
  status.set("state", "menu");
  status.set("entry", "a\nb" + std::string(5000, 'c'));
  CHECK(s.store.get("data/pvboot/state") == "menu");
  CHECK(s.store.get("data/pvboot/entry").starts_with("a\\x0ab"));
  CHECK(s.store.get("data/pvboot/entry").size() < 600);
}

TEST_CASE("a store that does not take it costs a debug line at most") {
  Scene s;
  s.store.read_only.insert("data/pvboot/state");
  Status(nullptr, s.log).set("state", "menu");
  Status status(&s.client, s.log);
  status.set("state", "menu");
  CHECK(s.text().empty());
  s.log.configure(config::LogLevel::debug, false);
  status.set("state", "menu");
  CHECK(s.count("cannot tell the host") == 1);
}
