// The initrds of an entry as one, as Linux unpacks it
// [Linux: Documentation/driver-api/early-userspace/buffer-format.rst]: archives, compressed or not, with zeroes
// between.
//
// Each initrd begins on a page, so that its disk can put it straight into its place, and at least four zero bytes come
// before it: an LZ4 archive (in the legacy format, which is what Linux takes) has no end of its own, and Linux takes it
// from those. With GRUB's padding, at most three bytes, whatever follows an LZ4 archive is lost. The last one is as
// long as it is. Files that a configuration wants wrapped (`newc:NAME:FILE`) become an archive of their own where they
// stand; several in a row are one archive.
//
// Initrds without a byte are an error: an entry never boots without an initrd that it asks for.
#pragma once

#include "config/entry.hpp"
#include "loader/discover/file_bundle.hpp"

namespace pvboot::loader {

struct InitrdFile {
  OpenFile file;
  std::string name;      ///< its place in errors
  std::string newc_name; ///< not empty: to be wrapped
};

Result<FileBundle> concatenate(std::vector<InitrdFile> files);

/// "(xvda1)/boot/initrd.img", "newc:etc/key:(xvda1)/key": as it stands in listings.
std::string text_of(const config::Initrd& initrd);

} // namespace pvboot::loader
