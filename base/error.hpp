// Errors as values: what went wrong, and the chain of places it came through.
//
// An Error carries a code (what a caller can decide on), a constant message (what a person reads) and places,
// outermost first: "xvda1: ext4: inode 1234: extent block 5678: checksum mismatch". Each layer that passes an
// error up adds its own place; nobody below loader/ prints one or decides that it is fatal.
//
// The chain is bounded: a place that would take it past `max_places_bytes` is dropped, so that hostile input
// cannot make an Error grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pvboot {

/// What a caller can act on. The message and the places are for people.
enum class Code : std::uint8_t {
  corrupt,       ///< bytes that contradict their own format
  io,            ///< a device answered with an error
  timed_out,     ///< a device or a peer did not answer in time
  gone,          ///< a device or a peer went away
  not_found,     ///< no such file, device, entry or key
  unsupported,   ///< well-formed, but a feature that is not read or a kernel that cannot be booted
  invalid,       ///< a person's words (options, configuration) make no sense
  too_large,     ///< more than a stated bound
  out_of_memory, ///< the guest's memory does not hold it
  denied,        ///< refused by Xen, by a backend or by the store
};

/// The code's name as it stands in logs and in xenstore, e.g. "not_found".
std::string_view name(Code code);

class Error {
public:
  static constexpr std::size_t max_places_bytes = 1024;

  /// `message` must outlive the program: a literal.
  constexpr Error(Code code, const char* message) : code_(code), message_(message) {}

  /// Adds an outer place, e.g. "inode 1234".
  Error&& at(std::string_view place) &&;

  Code code() const { return code_; }
  std::string_view message() const { return message_; }
  std::string_view places() const { return places_; }

  /// "place: place: message", for a person.
  std::string text() const;

private:
  Code code_;
  const char* message_;
  std::string places_;
};

} // namespace pvboot
