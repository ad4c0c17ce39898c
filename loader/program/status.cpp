#include "loader/program/status.hpp"

#include "base/text.hpp"

namespace pvboot::loader {

void Status::set(std::string_view key, std::string_view value) {
  if (store_ == nullptr || !store_->usable())
    return;
  const std::string path = "data/pvboot/" + std::string(key);
  if (const auto written = store_->write(path, printable(value, 512)); !written)
    log_.debug("cannot tell the host: " + written.error().text());
}

} // namespace pvboot::loader
