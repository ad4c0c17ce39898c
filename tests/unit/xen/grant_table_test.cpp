#include "xen/grant_table.hpp"

#include <catch2/catch.hpp>

using namespace pvboot;
using namespace pvboot::xen;

TEST_CASE("grants start after the reserved entries and name domain, frame and access") {
  std::vector<grant_entry_v1_t> entries(32);
  GrantTable table(entries);
  const GrantRef first = *table.grant(DomainId{3}, Mfn{0x1234}, GrantAccess::read_write);
  const GrantRef second = *table.grant(DomainId{4}, Mfn{0x5678}, GrantAccess::read_only);
  CHECK(first.value == 8);
  CHECK(second.value == 9);
  CHECK((entries[8].flags == GTF_permit_access && entries[8].domid == 3 && entries[8].frame == 0x1234));
  CHECK(entries[9].flags == (GTF_permit_access | GTF_readonly));
}

TEST_CASE("a grant in use does not end, and is not given out again") {
  std::vector<grant_entry_v1_t> entries(10);
  GrantTable table(entries);
  const GrantRef a = *table.grant(DomainId{0}, Mfn{1}, GrantAccess::read_write);
  const GrantRef b = *table.grant(DomainId{0}, Mfn{2}, GrantAccess::read_write);
  CHECK(table.grant(DomainId{0}, Mfn{3}, GrantAccess::read_write).error().code() == Code::out_of_memory);
  entries[a.value].flags |= GTF_reading;
  CHECK(!table.end(a));
  CHECK(table.end(b));
  CHECK(entries[b.value].flags == 0);
  CHECK(table.grant(DomainId{0}, Mfn{4}, GrantAccess::read_write)->value == b.value);
  CHECK(!table.grant(DomainId{0}, Mfn{5}, GrantAccess::read_write));
}

TEST_CASE("a revoked reference is not given out again") {
  std::vector<grant_entry_v1_t> entries(9);
  GrantTable table(entries);
  const GrantRef a = *table.grant(DomainId{0}, Mfn{1}, GrantAccess::read_write);
  CHECK(table.revoke(a));
  CHECK(entries[a.value].flags == 0);
  CHECK(!table.grant(DomainId{0}, Mfn{1}, GrantAccess::read_write));
}

TEST_CASE("what an earlier loader left is kept out until it can be ended") {
  std::vector<grant_entry_v1_t> entries(11);
  entries[0].flags = GTF_permit_access; // console
  entries[8].flags = GTF_permit_access;
  entries[9].flags = GTF_permit_access | GTF_writing;
  GrantTable table(entries);
  CHECK(table.free_entries() == 1);
  CHECK(table.end_all() == 1);
  CHECK(table.free_entries() == 2);
  CHECK(entries[0].flags == GTF_permit_access);
  CHECK(entries[8].flags == 0);
  CHECK(entries[9].flags == (GTF_permit_access | GTF_writing));
}

TEST_CASE("an ended grant leaves nothing in its entry, nor does one that an earlier loader ended") {
  std::vector<grant_entry_v1_t> entries(11);
  entries[9] = {.flags = 0, .domid = 3, .frame = 0x4321};
  entries[10] = {.flags = GTF_permit_access | GTF_reading, .domid = 3, .frame = 0x8765};
  GrantTable table(entries);
  const GrantRef ours = *table.grant(DomainId{4}, Mfn{0x1234}, GrantAccess::read_write);
  CHECK(table.end(ours));
  CHECK((entries[ours.value].domid == 0 && entries[ours.value].frame == 0));
  CHECK(table.end_all() == 1);
  CHECK((entries[9].domid == 0 && entries[9].frame == 0));
  CHECK((entries[10].domid == 3 && entries[10].frame == 0x8765));
}

TEST_CASE("reserved and unknown references are never ended") {
  std::vector<grant_entry_v1_t> entries(9);
  entries[1].flags = GTF_permit_access;
  GrantTable table(entries);
  CHECK(!table.end(GrantRef{1}));
  CHECK(!table.end(GrantRef{9}));
  CHECK(entries[1].flags == GTF_permit_access);
}

TEST_CASE("a frame past what version 1 can name is refused") {
  std::vector<grant_entry_v1_t> entries(9);
  GrantTable table(entries);
  CHECK(table.grant(DomainId{0}, Mfn{1ull << 32}, GrantAccess::read_write).error().code() == Code::too_large);
}
