// What the tests of a kernel's module share: files of a guest's disk, room to read a bundle into.
#pragma once

#include "base/units.hpp"
#include "loader/discover/file_bundle.hpp"
#include "tests/unit/discover/guest_disks.hpp"

#include <catch2/catch.hpp>

namespace pvboot::test {

/// Only its size is asked for.
class SizeOnly final : public fs::File {
public:
  explicit SizeOnly(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<fs::Run> run_at(std::uint64_t) override { return fail(Code::io, "there is nothing in it"); }
  Result<void> read(std::uint64_t, MutBytes) override { return fail(Code::io, "there is nothing in it"); }

private:
  std::uint64_t size_;
};

inline loader::OpenFile open_file(TestGuest& guest, const std::string& path) {
  return guest.set.open(*guest.set.devices().front(), path).value();
}

/// A file that claims this size.
inline loader::OpenFile file_of(TestGuest& guest, std::uint64_t size) {
  return {guest.set.mount(*guest.set.devices().front()).value(), std::make_unique<SizeOnly>(size)};
}

/// Whole pages, filled with what must not stay.
class Room {
public:
  explicit Room(std::uint64_t size) : pages_(static_cast<std::size_t>(pages_for(size))) {
    for (Page& page : pages_)
      std::memset(page.bytes, 0xee, sizeof page.bytes);
  }
  MutBytes bytes() { return {reinterpret_cast<std::byte*>(pages_.data()), pages_.size() * sizeof(Page)}; }

private:
  struct Page {
    alignas(4096) std::byte bytes[4096];
  };
  std::vector<Page> pages_;
};

/// All of the bundle; what is past its end is zeroes.
inline std::string contents(loader::FileBundle& bundle) {
  Room room(bundle.size());
  Room bounce(bundle.bounce_bytes());
  loader::FileBundle::Quarantined quarantined;
  const auto read = bundle.read(room.bytes(), bounce.bytes(), quarantined);
  INFO((read ? "" : read.error().text()));
  REQUIRE(read);
  CHECK(!quarantined.destination);
  CHECK(!quarantined.bounce);
  const std::string_view text = as_text(room.bytes());
  const auto size = static_cast<std::size_t>(bundle.size());
  CHECK(text.substr(size) == std::string(text.size() - size, '\0'));
  return std::string(text.substr(0, size));
}

/// Text that is not the same everywhere.
inline std::string noise_text(std::size_t size, std::uint32_t seed) {
  const auto bytes = noise(size, seed);
  return std::string(as_text(bytes));
}

} // namespace pvboot::test
