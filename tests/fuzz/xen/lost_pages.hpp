// What the code under test said is quarantined: it may not be touched any more, but for the backend that has it.
//
// These functions stand in for xen/quarantine.cpp, so that the pages can be given back when an input is through.
#pragma once

#include <cstddef>

namespace pvboot::xen {

bool is_lost(const std::byte* page);
/// Only when nobody has anything mapped any more.
void give_lost_pages_back();

} // namespace pvboot::xen
