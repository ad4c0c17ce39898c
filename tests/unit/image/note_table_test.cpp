#include "kernels.hpp"
#include "loader/image/build_id.hpp"
#include "loader/image/note_table.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::image;
using namespace pvboot::test;

namespace {

constexpr std::uint32_t build_id_type = 3;

NoteView next(NoteTable& notes) {
  const auto note = notes.next();
  REQUIRE(note);
  REQUIRE(note->has_value());
  return **note;
}

} // namespace

TEST_CASE("notes are walked one after the other, whoever owns them") {
  const Octets table = joined(
      {note(build_id_type, Bytes(octets("id")), "GNU"), note(7, Bytes(octets("12345")), "Xen"), note(9, Bytes(), "")});
  NoteTable notes(table);
  const NoteView first = next(notes);
  CHECK(first.owner == "GNU");
  CHECK(first.type == build_id_type);
  CHECK(as_text(first.desc) == "id");
  const NoteView second = next(notes);
  CHECK(second.owner == "Xen");
  CHECK(as_text(second.desc) == "12345");
  const NoteView third = next(notes);
  CHECK(third.owner.empty());
  CHECK(third.desc.empty());
  CHECK(!notes.next().value().has_value());
}

TEST_CASE("an owner without its NUL and a last descriptor without its padding are read all the same") {
  Octets table = note(7, Bytes(octets("12345")), "Xen");
  table.resize(table.size() - 3);
  NoteTable notes(table);
  CHECK(as_text(next(notes).desc) == "12345");
  CHECK(!notes.next().value().has_value());

  const Octets three_letters = patched(note(7, Bytes(octets("1234")), "Xen"), 0, 3, 4);
  NoteTable others(three_letters);
  CHECK(next(others).owner == "Xen");
}

TEST_CASE("a build-id is found behind other notes; a damaged table has none") {
  const Octets table = joined({note(build_id_type, Bytes(octets("no")), "Xen"), note(1, Bytes(octets("no")), "GNU"),
                               note(build_id_type, Bytes(octets("yes!")), "GNU")});
  CHECK(as_text(build_id_in(table)) == "yes!");
  CHECK(build_id_in(Bytes(table).first(table.size() - 1)).empty());
  CHECK(build_id_in({}).empty());
}
