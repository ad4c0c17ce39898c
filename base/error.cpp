#include "base/error.hpp"

namespace pvboot {

std::string_view name(Code code) {
  switch (code) {
  case Code::corrupt: return "corrupt";
  case Code::io: return "io";
  case Code::timed_out: return "timed_out";
  case Code::gone: return "gone";
  case Code::not_found: return "not_found";
  case Code::unsupported: return "unsupported";
  case Code::invalid: return "invalid";
  case Code::too_large: return "too_large";
  case Code::out_of_memory: return "out_of_memory";
  case Code::denied: return "denied";
  }
  return "unknown";
}

Error&& Error::at(std::string_view place) && {
  if (place.size() + 2 + places_.size() > max_places_bytes)
    return std::move(*this);
  if (!places_.empty())
    places_.insert(0, ": ");
  places_.insert(0, place);
  return std::move(*this);
}

std::string Error::text() const {
  std::string out = places_;
  if (!out.empty())
    out += ": ";
  out += message_;
  return out;
}

} // namespace pvboot
