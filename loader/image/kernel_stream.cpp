#include "loader/image/kernel_stream.hpp"

#include <algorithm>

namespace pvboot::image {

KernelStream::KernelStream(const ImageHead& head, ChunkSource& source, MutBytes window, codec::Arena& arena)
    : head_(head), source_(source),
      window_(window.first(static_cast<std::size_t>(std::min<std::uint64_t>(window.size(), head.window_size())))),
      arena_(arena) {}

KernelStream::~KernelStream() = default;

const KernelInfo* KernelStream::layout() const { return layout_ ? &*layout_ : nullptr; }

Bytes KernelStream::content() const { return window_.first(produced_); }

Result<const KernelInfo*> KernelStream::read_layout() {
  while (!layout_)
    if (!TRY(step()))
      break;
  if (!layout_)
    return fail(Code::corrupt, "the kernel ends before its ELF headers do");
  return layout();
}

Result<void> KernelStream::read_all() {
  while (TRY(step())) {
  }
  return {};
}

Result<bool> KernelStream::step() {
  if (failure_)
    return std::unexpected(*failure_);
  if (complete_)
    return false;
  // What came before the failure still tells what kernel this is; whoever asks for more gets the failure.
  if (const auto decoded = take_chunk(); !decoded)
    failure_ = decoded.error();
  TRY(look());
  if (failure_ && !layout_)
    return std::unexpected(*failure_);
  return true;
}

Result<void> KernelStream::take_chunk() {
  const Bytes chunk = TRY(source_.next());
  const std::uint64_t begin = file_offset_;
  const std::uint64_t end = begin + chunk.size();
  const std::uint64_t payload_end = head_.payload_offset + head_.payload_length;
  file_offset_ = end;

  const std::uint64_t from = std::clamp(head_.payload_offset, begin, end);
  const std::uint64_t to = std::clamp(payload_end, from, end);
  const Bytes part = chunk.subspan(static_cast<std::size_t>(from - begin), static_cast<std::size_t>(to - from));
  if (!part.empty())
    TRY(take(part));
  const bool decoded = decoder_ && decoder_->ended();
  if (decoded || end >= payload_end)
    return end_payload();
  if (chunk.empty())
    return fail(Code::corrupt, "the kernel file ends early");
  return {};
}

Result<void> KernelStream::take(Bytes part) {
  if (!head_.codec) {
    if (part.size() > window_.size() - produced_)
      return fail(Code::too_large, "the kernel is larger than the room for it");
    std::memcpy(window_.data() + produced_, part.data(), part.size());
    produced_ += part.size();
    return {};
  }
  if (!decoder_)
    decoder_ = TRY(codec::open_decoder(*head_.codec, arena_, window_));
  const auto taken = decoder_->feed(part);
  produced_ = decoder_->produced();
  TRY_AT(taken, codec::name(*head_.codec));
  return {};
}

Result<void> KernelStream::end_payload() {
  if (decoder_) {
    const auto finished = decoder_->finish();
    produced_ = decoder_->produced();
    TRY_AT(finished, codec::name(*head_.codec));
  }
  if (head_.container == Container::bzimage && head_.content_size && produced_ != *head_.content_size)
    return fail(Code::corrupt, "the kernel decodes to another size than its bzImage states");
  complete_ = true;
  return {};
}

Result<void> KernelStream::look() {
  // Said at once, and by what it looks like: nobody waits for the headers of a compressed initrd.
  const Bytes first = content().first(std::min(produced_, recognizable));
  if (!layout_ && head_.codec && !is_elf(first)) {
    if (first.size() < recognizable && !complete_)
      return {};
    return std::unexpected(not_a_kernel(first).at(codec::name(*head_.codec)));
  }
  if (!layout_)
    layout_ = TRY(read_kernel_info(content(), false));
  if (!layout_ && complete_)
    layout_ = TRY(read_kernel_info(content(), true));
  if (layout_ && complete_ && layout_->image_end > produced_)
    failure_ = Error(Code::corrupt, "a segment reaches past the end of the kernel");
  return {};
}

} // namespace pvboot::image
