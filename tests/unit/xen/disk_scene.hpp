// A guest with a store and disks, for the tests of frontends.
#pragma once

#include "fake_disk.hpp"
#include "xen/block/disks.hpp"

#include <catch2/catch.hpp>

namespace pvboot::xen {

constexpr unsigned xvda = 51712, xvdb = 51728;

struct DiskScene {
  FakeXen xen;
  FakeStore store{xen};
  XenStore client{store.ring, FakeStore::port, xen.events, xen.clock};
  std::vector<std::unique_ptr<FakeDisk>> backends;
  DeviceServices services{client, xen.events, xen.grants, xen.frames, xen.clock};
  Disks disks{services};

  FakeDisk& add(unsigned vdev, const FakeDisk::Shape& shape = {}) {
    backends.push_back(std::make_unique<FakeDisk>(xen, store, vdev, shape));
    return *backends.back();
  }
  BlkFront& connect_one() {
    REQUIRE(disks.connect());
    REQUIRE(disks.connected().size() == 1);
    return *disks.connected().front();
  }
  /// Takes all grants but so many.
  void leave_grants(std::size_t count) {
    while (xen.grants.free_entries() > count)
      REQUIRE(xen.grants.grant(DomainId{0}, Mfn{1}, GrantAccess::read_only));
  }
};

/// One disk, connected.
struct OneDisk : DiskScene {
  explicit OneDisk(const FakeDisk::Shape& shape = {}) : backend(add(xvda, shape)), disk(connect_one()) {}
  FakeDisk& backend;
  BlkFront& disk;
};

/// Page-aligned memory.
class Pages {
public:
  explicit Pages(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, std::align_val_t{page_size}))) {
    std::fill_n(bytes_, size, std::byte{0xee});
  }
  ~Pages() { ::operator delete(bytes_, std::align_val_t{page_size}); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  MutBytes at(std::size_t offset, std::size_t size) { return {bytes_ + offset, size}; }
  MutBytes all() { return {bytes_, size_}; }

private:
  std::size_t size_;
  std::byte* bytes_;
};

/// One request and what became of it.
struct Probe {
  Probe(BlockOp op, std::uint64_t offset, std::vector<MutBytes> where) : segments(std::move(where)) {
    request.op = op;
    request.offset = offset;
    request.segments = segments;
    request.context = this;
    request.on_complete = [](BlockRequest& r) { ++static_cast<Probe*>(r.context)->completions; };
  }
  std::vector<MutBytes> segments;
  BlockRequest request;
  int completions = 0;
};

} // namespace pvboot::xen
