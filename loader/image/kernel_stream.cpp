#include "loader/image/kernel_stream.hpp"

#include <algorithm>

namespace pvboot::image {

KernelStream::KernelStream(const ImageHead& head, ChunkSource& source, MutBytes window, codec::Arena& arena)
    : head_(head), source_(source), window_(window), arena_(arena) {}

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
  if (complete_)
    return false;
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
    TRY(end_payload());
  else if (chunk.empty())
    return fail(Code::corrupt, "the kernel file ends early");
  TRY(look());
  return true;
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
  TRY_AT(decoder_->feed(part), codec::name(*head_.codec));
  produced_ = decoder_->produced();
  return {};
}

Result<void> KernelStream::end_payload() {
  complete_ = true;
  if (decoder_) {
    TRY_AT(decoder_->finish(), codec::name(*head_.codec));
    produced_ = decoder_->produced();
  }
  if (head_.container == Container::bzimage && head_.content_size && produced_ != *head_.content_size)
    return fail(Code::corrupt, "the kernel decodes to another size than its bzImage states");
  return {};
}

Result<void> KernelStream::look() {
  if (!layout_)
    layout_ = TRY(read_kernel_info(content(), complete_));
  if (layout_ && complete_ && layout_->image_end > produced_)
    return fail(Code::corrupt, "a segment reaches past the end of the kernel");
  return {};
}

} // namespace pvboot::image
