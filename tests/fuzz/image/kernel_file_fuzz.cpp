// Hostile kernel files as a whole: bzImage headers, compressed payloads, ELF files; the loader's own way through them.
#include "loader/image/file_chunks.hpp"

#include <algorithm>
#include <memory>

using namespace pvboot;

namespace {

class InputFile final : public fs::File {
public:
  explicit InputFile(Bytes bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<fs::Run> run_at(std::uint64_t offset) override {
    const Bytes rest = bytes_.subspan(static_cast<std::size_t>(offset));
    return fs::Run{.kind = fs::Run::Kind::inline_bytes, .offset = offset, .length = rest.size(), .bytes = rest};
  }
  Result<void> read(std::uint64_t offset, MutBytes out) override {
    const Bytes from = TRY(cut(bytes_, offset, out.size()));
    std::ranges::copy(from, out.begin());
    return {};
  }

private:
  Bytes bytes_;
};

Result<void> load(fs::File& file) {
  const image::ImageHead head = TRY(image::peek(file));
  static_cast<void>(image::describe(head));
  constexpr std::uint64_t most = 1_MiB;
  constexpr std::uint64_t arena_most = 9_MiB;
  const auto room = static_cast<std::size_t>(std::min(head.window_size(), most));
  const auto memory = static_cast<std::size_t>(std::min(head.decoder_memory, arena_most));
  const auto window = std::make_unique_for_overwrite<std::byte[]>(room);
  const auto arena_bytes = std::make_unique_for_overwrite<std::byte[]>(memory);
  codec::Arena arena(MutBytes(arena_bytes.get(), memory));
  std::byte buffer[1000];
  image::FileChunks chunks(file, buffer);
  image::KernelStream stream(head, chunks, MutBytes(window.get(), room), arena);
  const image::KernelInfo* info = TRY(stream.read_layout());
  TRY(image::bootable_pv(*info));
  return stream.read_all();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  InputFile file(std::as_bytes(std::span(data, size)));
  static_cast<void>(load(file));
  return 0;
}
