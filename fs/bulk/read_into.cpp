#include "fs/bulk/read_into.hpp"

#include "base/bulk_read.hpp"
#include "base/checked.hpp"
#include "base/units.hpp"
#include "fs/bulk/direct_part.hpp"

#include <algorithm>

namespace pvboot::fs {

namespace {

// How much is queued between two reports of progress.
constexpr std::size_t step = 1 << 20;

class WholeFile {
public:
  WholeFile(File& file, MutBytes destination, const ReadOptions& options)
      : file_(file), destination_(destination), options_(options) {}

  Result<void> read() {
    const std::uint64_t size = file_.size();
    std::uint64_t at = 0;
    while (at < size) {
      const Run run = TRY(file_.run_at(at));
      at += TRY(take(run, destination_.subspan(static_cast<std::size_t>(at))));
      report();
    }
    for (const auto& queue : queues_) {
      TRY(queue.bulk->finish());
      report();
    }
    std::ranges::fill(destination_.subspan(static_cast<std::size_t>(size)), std::byte{});
    return {};
  }

private:
  struct Queue {
    BlockSource* source;
    std::unique_ptr<BulkRead> bulk;
  };

  /// Reads or queues the beginning of `run`; the number of its bytes that are taken care of.
  Result<std::size_t> take(const Run& run, MutBytes out) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>({run.length, out.size(), step}));
    const DirectPart part = direct_part(run, out.first(std::min(out.size(), step)), file_.size());
    if (part.useful != 0) {
      TRY(queue_of(*run.source).add(run.disk_offset, out.first(part.transfer)));
      return part.useful;
    }
    if (run.kind == Run::Kind::zeroes)
      std::memset(out.data(), 0, count);
    else if (run.kind == Run::Kind::inline_bytes)
      std::memcpy(out.data(), run.bytes.data(), count);
    else
      TRY(file_.read(run.offset, out.first(count)));
    copied_ += count;
    return count;
  }

  BulkRead& queue_of(BlockSource& source) {
    for (const Queue& queue : queues_)
      if (queue.source == &source)
        return *queue.bulk;
    queues_.push_back({&source, std::make_unique<BulkRead>(source, options_.quarantined)});
    return *queues_.back().bulk;
  }

  void report() const {
    if (options_.progress == nullptr)
      return;
    std::uint64_t done = copied_;
    for (const Queue& queue : queues_)
      done += queue.bulk->bytes_done();
    options_.progress(options_.context, std::min(done, file_.size()), file_.size());
  }

  File& file_;
  MutBytes destination_;
  const ReadOptions& options_;
  std::vector<Queue> queues_; ///< one for each device that the file lies on
  std::uint64_t copied_ = 0;
};

} // namespace

Result<void> read_into(File& file, MutBytes destination, const ReadOptions& options) {
  const auto rounded = checked_align_up<std::uint64_t>(file.size(), page_size);
  if (!rounded || destination.size() < *rounded ||
      reinterpret_cast<std::uintptr_t>(destination.data()) % page_size != 0)
    return fail(Code::invalid, "no whole pages for the file");
  return WholeFile(file, destination, options).read();
}

} // namespace pvboot::fs
