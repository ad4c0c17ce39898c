#include "loader/program/kernel.hpp"

#include "base/text.hpp"
#include "fs/bulk/file_stream.hpp"
#include "loader/image/build_id.hpp"
#include "loader/image/kernel_stream.hpp"

#include <algorithm>

namespace pvboot::loader {

namespace {

constexpr std::uint64_t stream_buffer = 4_MiB;

/// Where the file does not say how large the kernel is, a guess that this guest cannot hold gives way to a smaller one.
Result<ScopedWindow> window_for(xen::AddressSpace& memory, const image::ImageHead& head) {
  for (std::uint64_t bytes = head.window_size();; bytes /= 2) {
    auto window = ScopedWindow::create(memory, bytes, xen::Purpose::target);
    if (window || head.content_size || window.error().code() != Code::out_of_memory || bytes / 2 < head.payload_length)
      return window;
  }
}

class Stopwatch {
public:
  explicit Stopwatch(const xen::Clock& clock) : clock_(clock) {}

  template <typename Work> auto time(Work work) {
    const xen::Instant begin = clock_.now();
    auto outcome = work();
    sum_.nanoseconds += (clock_.now() - begin).nanoseconds;
    return outcome;
  }
  Duration sum() const { return sum_; }

private:
  const xen::Clock& clock_;
  Duration sum_{};
};

// Asking the disk for what comes next and waiting for it is timed apart from what the decoder then makes of it.
class StreamChunks final : public image::ChunkSource {
public:
  StreamChunks(fs::FileStream& stream, Stopwatch& waiting) : stream_(stream), waiting_(waiting) {}
  Result<Bytes> next() override {
    return waiting_.time([this] { return stream_.next(); });
  }

private:
  fs::FileStream& stream_;
  Stopwatch& waiting_;
};

struct Watches {
  explicit Watches(const xen::Clock& clock) : streaming(clock), waiting(clock), layout(clock) {}

  /// "63.1 MiB decoded in 0.7000 s, 0.0100 s for the disk, 0.0003 s for the layout"
  std::string text(std::size_t bytes) const {
    const Duration decoding{streaming.sum().nanoseconds - waiting.sum().nanoseconds};
    return human_size(bytes) + " decoded in " + seconds_text(decoding) + ", " + seconds_text(waiting.sum()) +
           " for the disk, " + seconds_text(layout.sum()) + " for the layout";
  }

  Stopwatch streaming; ///< decoding and waiting for the disk
  Stopwatch waiting;
  Stopwatch layout;
};

// A kernel that cannot be booted or does not fit is refused before the rest of it is read.
Result<plan::Layout> read_and_lay_out(image::KernelStream& stream, const plan::GuestFacts& facts, BootModule& module,
                                      Watches& watches) {
  const image::KernelInfo* info = TRY(watches.streaming.time([&] { return stream.read_layout(); }));
  plan::Layout layout = TRY(watches.layout.time([&] { return lay_out_with(module, *info, facts); }));
  TRY(watches.streaming.time([&] { return stream.read_all(); }));
  return layout;
}

} // namespace

Result<LoadedKernel> load_kernel(Workshop& workshop, const config::FilePath& path, const plan::GuestFacts& facts,
                                 BootModule& module) {
  Device* device = TRY(workshop.disks.find(path.device.text));
  const OpenFile open = TRY(workshop.disks.open(*device, path.path));
  const image::ImageHead head = TRY(image::peek(*open.file));
  workshop.log.info("loading " + printable(path.text()) + ", " + image::describe(head) + ", " +
                    human_size(head.file_size));

  xen::AddressSpace& memory = workshop.memory;
  const ScopedWindow dictionary =
      TRY_AT(ScopedWindow::create(memory, head.decoder_memory, xen::Purpose::dictionary), "the decompressor's memory");
  ScopedWindow buffer =
      TRY_AT(ScopedWindow::create(memory, stream_buffer, xen::Purpose::work), "the buffer for reading it");
  ScopedWindow window = TRY_AT(window_for(memory, head), "the uncompressed kernel");

  codec::Arena arena(dictionary.span());
  fs::FileStream file(*open.file, buffer.span());
  Watches watches(workshop.guest.clock);
  StreamChunks chunks(file, watches.waiting);
  image::KernelStream stream(head, chunks, window.span(), arena);
  workshop.log.timing("kernel opened");
  auto layout = read_and_lay_out(stream, facts, module, watches);
  if (file.quarantined())
    buffer.quarantine();
  if (!layout)
    return std::unexpected(std::move(layout).error());
  workshop.log.timing("kernel read", watches.text(stream.content().size()));
  const image::KernelInfo* info = stream.layout();
  if (const Bytes refused = workshop.refused_build_id;
      !refused.empty() && std::ranges::equal(refused, image::build_id(stream.content())))
    return fail(Code::unsupported, "this is the same build of pvboot that is running already");

  std::optional<ScopedWindow> symbols;
  if (info->bsd_symbols) {
    symbols.emplace(TRY_AT(ScopedWindow::create(memory, info->bsd_symbols->size, xen::Purpose::work), "BSD symbols"));
    TRY(info->bsd_symbols->write(stream.content(), symbols->span().first(info->bsd_symbols->size)));
  }
  return LoadedKernel{std::move(window), std::move(symbols), *info, std::move(*layout)};
}

} // namespace pvboot::loader
