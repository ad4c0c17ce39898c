#include "loader/image/file_chunks.hpp"

#include <algorithm>

namespace pvboot::image {

Result<Bytes> FileChunks::next() {
  const std::uint64_t left = file_.size() - std::min(offset_, file_.size());
  const MutBytes chunk = buffer_.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size())));
  if (!chunk.empty())
    TRY(file_.read(offset_, chunk));
  offset_ += chunk.size();
  return chunk;
}

} // namespace pvboot::image
