#include "tools/pvboot/kernel.hpp"

#include "loader/image/file_chunks.hpp"

#include <algorithm>
#include <sys/mman.h>

namespace pvboot::tools {

namespace {

constexpr std::size_t chunk_size = 1 << 20;

/// Memory that costs nothing until it is touched: a window is sized by a claim of the file.
class LazyMemory {
public:
  static Result<LazyMemory> reserve(std::uint64_t size) {
    const auto length = static_cast<std::size_t>(std::max<std::uint64_t>(size, page_size));
    void* at = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
      return fail(Code::out_of_memory, "the host has no memory for the kernel's claim of its size");
    return LazyMemory(static_cast<std::byte*>(at), length);
  }
  LazyMemory(LazyMemory&& other) noexcept : at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}
  LazyMemory& operator=(LazyMemory&&) = delete;
  ~LazyMemory() {
    if (at_ != nullptr)
      ::munmap(at_, size_);
  }
  MutBytes bytes() const { return {at_, size_}; }

private:
  LazyMemory(std::byte* at, std::size_t size) : at_(at), size_(size) {}
  std::byte* at_;
  std::size_t size_;
};

// In the loader's order: a kernel that cannot be booted is refused before the rest of it is read.
Result<void> read_into(Inspection& found, fs::File& file) {
  const image::ImageHead& head = found.head.emplace(TRY(image::peek(file)));
  const LazyMemory window = TRY(LazyMemory::reserve(head.window_size()));
  const LazyMemory decoder = TRY(LazyMemory::reserve(head.decoder_memory));
  codec::Arena arena(decoder.bytes());
  std::vector<std::byte> buffer(chunk_size);
  image::FileChunks chunks(file, buffer);
  image::KernelStream stream(head, chunks, window.bytes().first(head.window_size()), arena);
  found.info = *TRY(stream.read_layout());
  const auto bootable = image::bootable_pv(*found.info);
  const auto read = stream.read_all();
  found.content_size = stream.content().size();
  TRY(bootable);
  return read;
}

} // namespace

Inspection inspect(fs::File& file) {
  Inspection found;
  found.verdict = read_into(found, file);
  return found;
}

Result<Kernel> read_kernel(fs::File& file) {
  Inspection found = inspect(file);
  TRY(found.verdict);
  return Kernel{.head = *found.head, .info = *std::move(found.info), .content_size = found.content_size};
}

} // namespace pvboot::tools
