// A guest that reads its disks: connects all, checks what two ways of reading say, measures the rate, writes and reads
// back where `write` is on the command line, closes, and does it all again as a new kernel would.
//
// "GUEST-BLOCK: ok" or "GUEST-BLOCK: failed" is its last line.
#include "base/block_reader.hpp"
#include "base/bulk_read.hpp"
#include "base/text.hpp"
#include "loader/program/run.hpp"
#include "xen/block/disks.hpp"
#include "xen/shutdown.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace pvboot::loader {

namespace {

constexpr std::size_t buffer_size = 4u << 20;
alignas(4096) constinit std::byte buffer[buffer_size] = {};
constexpr std::uint64_t most_to_read = 96u << 20;

std::uint64_t sum(Bytes bytes) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const std::byte b : bytes)
    h = (h ^ static_cast<std::uint8_t>(b)) * 0x100000001b3;
  return h;
}

Result<void> read_all(xen::Guest& guest, xen::BlkFront& disk) {
  const BlockGeometry shape = disk.geometry();
  const std::uint64_t size = std::min(shape.size, most_to_read);
  BulkRead bulk(disk);
  const xen::Instant start = guest.clock.now();
  for (std::uint64_t at = 0; at < size; at += buffer_size)
    TRY(bulk.add(at, MutBytes(buffer, std::min<std::uint64_t>(buffer_size, size - at))));
  TRY(bulk.finish());
  const std::uint64_t ns = (guest.clock.now() - start).nanoseconds;
  guest.console.write(std::string(disk.name()) + ": " + dec(size >> 20) + " MiB in " + dec(ns / 1'000'000) + " ms, " +
                      dec(ns == 0 ? 0 : size * 1000 / ns) + " MB/s\n");
  return {};
}

Result<void> compare_ways(xen::Guest& guest, xen::BlkFront& disk) {
  const std::uint64_t size = std::min<std::uint64_t>(disk.geometry().size, 1u << 20);
  TRY(BulkRead(disk).read(0, MutBytes(buffer, size)));
  const std::uint64_t bulk = sum(Bytes(buffer, size));
  // The same at an address that no page or large block is aligned to.
  std::memset(buffer, 0, size + 512);
  TRY(BulkRead(disk).read(0, MutBytes(buffer + 512, size)));
  const std::uint64_t shifted = sum(Bytes(buffer + 512, size));
  BlockReader reader(disk);
  TRY(reader.read(0, MutBytes(buffer, size)));
  const std::uint64_t cached = sum(Bytes(buffer, size));
  guest.console.write(std::string(disk.name()) + ": first MiB " + hex(bulk) + "\n");
  if (bulk != shifted || bulk != cached)
    return fail(Code::corrupt, "two ways of reading differ", disk.name());
  return {};
}

Result<void> send(xen::BlkFront& disk, BlockOp op, MutBytes bytes) {
  bool done = false;
  BlockRequest request;
  request.op = op;
  request.segments = std::span(&bytes, 1);
  request.on_complete = [](BlockRequest& r) { *static_cast<bool*>(r.context) = true; };
  request.context = &done;
  TRY(disk.submit(request));
  while (!done)
    disk.pump(seconds(1));
  return as_result(request.status);
}

Result<void> write_back(xen::BlkFront& disk) {
  constexpr std::size_t size = 128u << 10;
  const MutBytes bytes(buffer, size);
  for (std::size_t i = 0; i < size; ++i)
    buffer[i] = static_cast<std::byte>(i * 7 + (i >> 9));
  const std::uint64_t before = sum(bytes);
  TRY_AT(send(disk, BlockOp::write, bytes), "write");
  TRY_AT(send(disk, BlockOp::flush, {}), "flush");
  std::memset(buffer, 0, size);
  TRY_AT(send(disk, BlockOp::read, bytes), "read");
  if (sum(bytes) != before)
    return fail(Code::corrupt, "what was written is not what is read", disk.name());
  return {};
}

Result<void> one_life(xen::Guest& guest, xen::Disks& disks) {
  const xen::Instant start = guest.clock.now();
  TRY(disks.connect());
  guest.console.write("connected " + dec(disks.connected().size()) + " disks in " +
                      dec((guest.clock.now() - start).nanoseconds / 1'000'000) + " ms\n");
  for (const xen::DiskFailure& failure : disks.failures())
    guest.console.write(failure.node.name + ": " + failure.why.text() + "\n");
  for (const auto& disk : disks.connected()) {
    const BlockGeometry shape = disk->geometry();
    guest.console.write(std::string(disk->name()) + ": " + human_size(shape.size) + ", blocks of " +
                        dec(shape.block_size) + (shape.writable ? "" : ", read-only") +
                        (disk->node().cdrom ? ", cdrom" : "") + "\n");
    TRY(compare_ways(guest, *disk));
    TRY(read_all(guest, *disk));
    if (shape.writable && guest.start.command_line.find("write") != std::string::npos)
      TRY(write_back(*disk));
  }
  const xen::Instant closing = guest.clock.now();
  disks.close();
  guest.console.write("closed in " + dec((guest.clock.now() - closing).nanoseconds / 1'000'000) + " ms\n");
  for (const xen::DiskFailure& failure : disks.failures())
    guest.console.write(failure.node.name + ": " + failure.why.text() + "\n");
  if (!disks.failures().empty())
    return fail(Code::timed_out, "a disk did not close");
  return {};
}

Result<void> all(xen::Guest& guest) {
  if (guest.store == nullptr)
    return fail(Code::unsupported, "no xenstore");
  xen::Disks disks({*guest.store, guest.events, guest.grants, guest.frames, guest.clock});
  TRY(one_life(guest, disks));
  TRY(one_life(guest, disks));
  TRY(guest.store->reset_watches());
  if (guest.grants.end_all() != 0)
    return fail(Code::denied, "grants are still in use");
  return {};
}

} // namespace

void run(xen::Guest& guest) {
  const auto outcome = all(guest);
  if (!outcome)
    guest.console.write(outcome.error().text() + "\n");
  guest.console.write(outcome ? "GUEST-BLOCK: ok\n" : "GUEST-BLOCK: failed\n");
  guest.console.drain(seconds(2));
  xen::shutdown(xen::ShutdownReason::poweroff);
}

} // namespace pvboot::loader
